"""The history of a project: only ever added to, numbered without gaps, written with the change it tells of."""

import threading

import psycopg
import pytest
from tests.sql.conftest import add_person

REFUSED = psycopg.errors.CheckViolation


@pytest.fixture
def person(stack):
    """One whose project only this test writes to."""
    with psycopg.connect(stack.connections.database_url, cursor_factory=psycopg.ClientCursor) as connection:
        return add_person(connection)


def history(connection, project):
    """Event types in order, after a look at the numbers."""
    rows = connection.execute(
        "select seq, type from public.events where project_id = %s order by seq", [project]
    ).fetchall()
    [counted] = connection.execute("select event_seq from public.projects where id = %s", [project]).fetchone()
    assert [seq for seq, _ in rows] == list(range(1, counted + 1))
    return [kind for _, kind in rows]


def test_what_a_watcher_wants_to_know_is_told(database, person):
    project = person["project"]
    told = history(database, project)
    # The run, two models, one of them promoted at birth, a round of refinement and an export; a picture of a training.
    assert told == ["progress", "model", "model", "iteration", "export", "preview"]
    database.execute("update public.projects set name = 'New' where id = %s", [project])
    database.execute("update public.projects set name = 'New' where id = %s", [project])
    assert history(database, project)[len(told) :] == ["rename"]
    row = database.execute(
        "select payload from public.events where project_id = %s order by seq desc limit 1", [project]
    ).fetchone()
    assert row == ({"name": "New"},)


@pytest.mark.parametrize("role", ["postgres", "service_role"])
@pytest.mark.parametrize(
    "statement",
    [
        "update public.events set payload = '{}' where project_id = %(project)s",
        "delete from public.events where project_id = %(project)s",
        "delete from public.runs where id = %(run)s",
        "insert into public.events (project_id, seq, type) values (%(project)s, 999, 'x')",
        "update public.projects set event_seq = 0 where id = %(project)s",
        "update public.projects set event_seq = event_seq + 2 where id = %(project)s",
    ],
)
def test_history_cannot_be_rewritten(database, person, role, statement):
    database.execute(f"set local role {role}")
    with pytest.raises(REFUSED):
        database.execute(statement, person)


@pytest.mark.parametrize("seq", [-1, 0, 1000])
def test_an_event_that_was_not_counted_is_refused(database, person, seq):
    with pytest.raises(REFUSED, match="was not counted"):
        database.execute(
            "insert into public.events (project_id, seq, type, payload) values (%s, %s, 'progress', '{}')",
            [person["project"], seq],
        )


def test_history_cannot_be_emptied(database):
    with pytest.raises(REFUSED):
        database.execute("truncate public.events")


def test_a_count_without_its_event_does_not_last(database, person):
    database.execute("update public.projects set event_seq = event_seq + 1 where id = %(project)s", person)
    with pytest.raises(REFUSED):
        database.commit()


def test_it_goes_with_its_project(database, person):
    database.execute("delete from public.projects where id = %(project)s", person)
    left = database.execute("select count(*) from public.events where project_id = %(project)s", person)
    assert left.fetchone() == (0,)


def test_a_change_that_is_rolled_back_leaves_no_event(database, person):
    before = history(database, person["project"])
    with database.transaction(force_rollback=True):
        database.execute("update public.runs set message = 'at it' where id = %(run)s", person)
        assert len(history(database, person["project"])) == len(before) + 1
    assert history(database, person["project"]) == before


def test_eight_writers_and_their_rollbacks_leave_no_gap(stack, database, person):
    """Every third transaction is rolled back after it was given its number."""
    kept, rounds, writers = [], 15, 8

    def write(number):
        with psycopg.connect(stack.connections.database_url, autocommit=True) as connection:
            for turn in range(rounds):
                wanted = (number + turn) % 3 != 0
                with connection.transaction(force_rollback=not wanted):
                    [seq] = connection.execute(
                        "select public.append_event(%s, %s, 'progress', '{}')", [person["project"], person["run"]]
                    ).fetchone()
                if wanted:
                    kept.append(seq)

    before = len(history(database, person["project"]))
    database.rollback()
    threads = [threading.Thread(target=write, args=[number]) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept) == writers * rounds * 2 // 3
    assert len(history(database, person["project"])) == before + len(kept)
    assert sorted(kept) == list(range(before + 1, before + len(kept) + 1))

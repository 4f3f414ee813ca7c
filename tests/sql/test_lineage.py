"""What an artifact was made of, in one query: deep chains, diamonds, no cycles."""

import threading
import time
import uuid

import psycopg
import pytest
from tests.sql.conftest import add_person


def add_artifacts(connection, project, count, kind="step"):
    ids = [uuid.uuid4() for _ in range(count)]
    connection.execute(
        "insert into public.artifacts (id, project_id, kind, bucket, path, sha256, bytes, mime)"
        " select id, %s, %s, '3d-models', %s || '/' || id, encode(sha256(id::text::bytea), 'hex'), 1, 'x/y'"
        " from unnest(%s::uuid[]) id",
        [project, kind, project, ids],
    )
    return ids


def link(connection, *edges):
    for made, source in edges:
        connection.execute(
            "insert into public.artifact_inputs (artifact_id, input_artifact_id) values (%s, %s)", [made, source]
        )


def lineage(connection, artifact):
    rows = connection.execute("select artifact_id, depth from public.artifact_lineage(%s)", [artifact]).fetchall()
    assert len({one for one, _ in rows}) == len(rows), "each ancestor once"
    return dict(rows)


def test_down_to_the_photos_through_a_diamond(database, people):
    project = people[0]["project"]
    photos = add_artifacts(database, project, 3, "original")
    views = add_artifacts(database, project, 3, "view")
    first, second, export = add_artifacts(database, project, 3)
    link(database, *zip(views, photos, strict=True))
    link(database, *((first, view) for view in views), (second, first), (second, views[0]), (export, second))
    assert lineage(database, export) == {
        export: 0, second: 1, first: 2, views[0]: 2, views[1]: 3, views[2]: 3,
        photos[0]: 3, photos[1]: 4, photos[2]: 4,
    }  # fmt: skip
    assert lineage(database, photos[0]) == {photos[0]: 0}
    hashes = database.execute(
        "select sha256 from public.artifact_lineage(%s) where kind = 'original'", [export]
    ).fetchall()
    assert len(hashes) == 3


def test_of_an_export_and_of_a_version(database, people):
    me = people[0]
    expected = [(f"{me['project']}/a", 0), (f"{me['project']}/b", 1)]
    for call, values in (
        ("export_lineage(%s)", [me["export"]]),
        ("model_lineage(%s, 1)", [me["project"]]),
        ("artifact_lineage(%s)", [me["a"]]),
    ):
        assert database.execute(f"select path, depth from public.{call}", values).fetchall() == expected  # noqa: S608
    assert database.execute("select * from public.export_lineage(gen_random_uuid())").fetchall() == []
    assert database.execute("select * from public.model_lineage(%s, 99)", [me["project"]]).fetchall() == []


@pytest.mark.parametrize("length", [1, 2, 5])
def test_cycles_are_refused(database, people, length):
    ring = add_artifacts(database, people[0]["project"], length)
    link(database, *zip(ring[1:], ring, strict=False))
    with pytest.raises(psycopg.errors.CheckViolation):
        link(database, (ring[0], ring[-1]))


def test_a_cycle_within_one_statement_is_refused(database, people):
    one, two = add_artifacts(database, people[0]["project"], 2)
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute(
            "insert into public.artifact_inputs (artifact_id, input_artifact_id) values (%s, %s), (%s, %s)",
            [one, two, two, one],
        )


def test_two_transactions_cannot_close_a_cycle_together(stack):
    url = stack.connections.database_url
    with psycopg.connect(url, cursor_factory=psycopg.ClientCursor) as connection:
        one, two = add_artifacts(connection, add_person(connection)["project"], 2)
    refused = []

    def close():
        try:
            with psycopg.connect(url) as later:
                link(later, (two, one))
        except psycopg.errors.CheckViolation as error:
            refused.append(error)

    with psycopg.connect(url) as connection:
        link(connection, (one, two))
        thread = threading.Thread(target=close)
        thread.start()
        time.sleep(0.1)  # the other one has begun; it must wait for this transaction
    thread.join()
    assert len(refused) == 1


def test_nothing_is_made_from_another_projects_artifact(database, people):
    with pytest.raises(psycopg.errors.CheckViolation):
        link(database, (people[0]["a"], people[1]["b"]))


def test_lineage_is_written_once(database, people):
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute(
            "update public.artifact_inputs set input_artifact_id = artifact_id where artifact_id = %s",
            [people[0]["a"]],
        )


def test_a_deep_chain_of_diamonds(database, people):
    """400 artifacts in 100 layers of four, each made from all of the layer before."""
    made = add_artifacts(database, people[0]["project"], 400)
    database.execute(
        "insert into public.artifact_inputs (artifact_id, input_artifact_id) select a.id, b.id"
        " from unnest(%s::uuid[]) with ordinality a (id, n) join unnest(%s::uuid[]) with ordinality b (id, n)"
        " on (a.n - 1) / 4 = (b.n - 1) / 4 + 1 order by a.n",
        [made, made],
    )
    found = lineage(database, made[-1])
    assert len(found) == 1 + 99 * 4
    assert max(found.values()) == 99

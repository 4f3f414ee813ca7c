# ruff: noqa: S608 - statuses come from the lists here
"""Which way runs, projects, versions and evaluation sets may go: every pair of statuses, whoever asks."""

import asyncio
import itertools

import psycopg
import pytest
from tests.sql.conftest import add_person

from maquette.db import records
from maquette.db.connection import open_pool

RUN_STATUSES = ("queued", "running", "completed", "failed", "cancelled")
RUN_WAYS = {
    ("queued", "running"),
    ("queued", "cancelled"),
    ("queued", "failed"),
    ("queued", "completed"),
    ("running", "completed"),
    ("running", "failed"),
    ("running", "cancelled"),
    ("running", "queued"),
}
PROJECT_STATUSES = ("created", "uploaded", "processing", "completed", "failed")


@pytest.fixture(params=["postgres", "service_role"])
def guarded(database, people, request):
    """A connection as each role that may write, in a transaction that is thrown away, and one person's ids."""
    database.execute(f"set local role {request.param}")
    database.execute("update public.runs set status = 'cancelled' where id = %s", [people[0]["run"]])
    return database, people[0]


def add_run(connection, project, status, attempt=1):
    [run] = connection.execute(
        "insert into public.runs (project_id, step, status, attempt) values (%s, 'refine', %s, %s) returning id",
        [project, status, attempt],
    ).fetchone()
    return run


@pytest.mark.parametrize(("old", "new"), list(itertools.product(RUN_STATUSES, repeat=2)))
def test_every_pair_of_run_statuses(guarded, old, new):
    connection, person = guarded
    run = add_run(connection, person["project"], old)
    starts = old == "queued" and new in ("running", "completed")
    change = "update public.runs set status = %s, attempt = attempt + %s where id = %s returning finished_at"
    if old == new or (old, new) in RUN_WAYS:
        [finished_at] = connection.execute(change, [new, int(starts), run]).fetchone()
        # No row says when it ended before it has ended, nor ends without saying so.
        assert (finished_at is not None) == (new in RUN_STATUSES[2:])
    else:
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(change, [new, int(starts), run])


@pytest.mark.parametrize(
    ("old", "new", "step"),
    [("queued", "running", 0), ("queued", "running", 2), ("queued", "completed", 0), ("running", "running", 1)]
    + [("running", new, step) for new in ("completed", "failed", "cancelled", "queued") for step in (-1, 1)]
    + [("completed", "completed", 1), ("failed", "failed", -1)],
)
def test_attempts_count_starts_and_nothing_else(guarded, old, new, step):
    connection, person = guarded
    run = add_run(connection, person["project"], old)
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("update public.runs set status = %s, attempt = attempt + %s where id = %s", [new, step, run])


@pytest.mark.parametrize("change", ["step = 'export'", "project_id = %s", "id = gen_random_uuid()"])
def test_a_run_stays_what_it_is(guarded, people, change):
    connection, person = guarded
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            f"update public.runs set {change} where id = %s",
            [*([people[1]["project"]] if "%s" in change else []), person["run"]],
        )


@pytest.mark.parametrize("busy", [True, False])
@pytest.mark.parametrize(("old", "new"), list(itertools.product(PROJECT_STATUSES, repeat=2)))
def test_every_pair_of_project_statuses(guarded, old, new, busy):
    connection, person = guarded
    [project] = connection.execute(
        "insert into public.projects (owner_id, status) values (%s, %s) returning id", [person["owner"], old]
    ).fetchone()
    if busy:
        # Written past the triggers that would move the project along.
        connection.execute("reset role")
        connection.execute("alter table public.runs disable trigger runs_tell_change")
        add_run(connection, project, "running")
    allowed = old == new or (new == "processing" and busy) or (old == "processing" and not busy)
    change = "update public.projects set status = %s where id = %s"
    if allowed:
        assert connection.execute(change, [new, project]).rowcount == 1
    else:
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(change, [new, project])


def test_the_project_follows_its_runs(database, people):
    [project] = database.execute(
        "insert into public.projects (owner_id) values (%s) returning id", [people[0]["owner"]]
    ).fetchone()

    def status():
        return database.execute("select status from public.projects where id = %s", [project]).fetchone()[0]

    def end(run, how):
        starts = "running" if how != "cancelled" else "queued"
        if starts == "running":
            database.execute("update public.runs set status = 'running', attempt = 1 where id = %s", [run])
        database.execute("update public.runs set status = %s where id = %s", [how, run])

    assert status() == "created"
    first = add_run(database, project, "queued", 0)
    assert status() == "processing"
    end(first, "cancelled")
    assert status() == "created"
    first, second = (add_run(database, project, "queued", 0) for _ in range(2))
    end(first, "failed")
    assert status() == "processing", "another run still waits"
    end(second, "completed")
    assert status() == "completed"
    end(add_run(database, project, "queued", 0), "failed")
    assert status() == "failed"


MODEL = (
    "insert into public.gaussian_splat_models (project_id, run_id, view_run_id, version, parent_version, method,"
    " num_gaussians, num_gaussians_unfiltered, sh_degree, iterations, model_artifact_id, promoted)"
    " values (%(project)s, %(run)s, %(run)s, %(version)s, %(parent)s, 'refine', 1, 1, 0, 1, %(a)s, %(promoted)s)"
)


@pytest.mark.parametrize(
    ("version", "parent", "refused"),
    [
        (2, 3, psycopg.errors.CheckViolation),  # a later one
        (2, 2, psycopg.errors.CheckViolation),  # itself
        (9, 5, psycopg.errors.ForeignKeyViolation),  # none of this project's
        (1, 0, psycopg.errors.UniqueViolation),  # a number twice
        (-1, None, psycopg.errors.CheckViolation),
    ],
)
def test_versions_form_a_tree(database, people, version, parent, refused):
    # The other person's project has a version 5; that does not make it a parent here.
    database.execute(MODEL, {**people[1], "version": 5, "parent": 1, "promoted": False})
    with pytest.raises(refused):
        database.execute(MODEL, {**people[0], "version": version, "parent": parent, "promoted": False})


def test_branches_may_begin_anywhere_and_stay(database, people):
    for version, parent in ((2, 0), (3, 0), (4, 2)):
        database.execute(MODEL, {**people[0], "version": version, "parent": parent, "promoted": False})
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute(
            "update public.gaussian_splat_models set parent_version = 3 where project_id = %s and version = 4",
            [people[0]["project"]],
        )


def test_one_promoted_version(database, people):
    with pytest.raises(psycopg.errors.UniqueViolation):
        database.execute(MODEL, {**people[0], "version": 2, "parent": 1, "promoted": True})


async def test_two_promote_at_once_and_one_stays(stack):
    """Each sees the old choice first; without the lock the second breaks on the unique index."""
    url = stack.connections.database_url
    with psycopg.connect(url, cursor_factory=psycopg.ClientCursor) as connection:
        person = add_person(connection)
        for version in (2, 3):
            connection.execute(MODEL, {**person, "version": version, "parent": 1, "promoted": False})
    async with open_pool(url, min_size=4) as pool:

        async def promote(version):
            async with pool.connection() as conn:
                await records.promote(conn, person["project"], version)
                await asyncio.sleep(0.01)

        for _ in range(5):
            await asyncio.gather(*(promote(version) for version in (0, 1, 2, 3)))
    with psycopg.connect(url) as connection:
        query = "select count(*) from public.gaussian_splat_models where project_id = %s and promoted"
        assert connection.execute(query, [person["project"]]).fetchone() == (1,)


def test_an_evaluation_set_is_fixed(guarded):
    connection, person = guarded
    change = "update public.eval_sets set image_names = %s::jsonb where id = %s"
    # What holds nothing out has measured nothing; from then on the set stays.
    connection.execute(change, ['["0"]', person["eval"]])
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(change, ['["1"]', person["eval"]])


@pytest.mark.parametrize(("split", "with_set"), [("held_out", False), ("training", True)])
def test_only_held_out_numbers_name_a_set(database, people, split, with_set):
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute(
            "insert into public.refinement_metrics (project_id, run_id, version, split, eval_set_id, psnr, ssim)"
            " values (%s, %s, 0, %s, %s, 1, 1)",
            [people[0]["project"], people[0]["run"], split, people[0]["eval"] if with_set else None],
        )


def test_an_artifact_lies_in_its_projects_folder(database, people):
    for path in (f"{people[1]['project']}/x", "x", f"models/{people[0]['project']}/x", "https://example.org/x"):
        with pytest.raises(psycopg.errors.CheckViolation), database.transaction():
            database.execute(
                "insert into public.artifacts (project_id, kind, bucket, path, sha256, bytes, mime)"
                " values (%s, 'x', '3d-models', %s, repeat('a', 64), 1, 'x/y')",
                [people[0]["project"], path],
            )

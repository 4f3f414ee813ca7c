"""The three queries that users of the earlier schema run, word for word: as postgres and as an owner."""

import json
import uuid

import psycopg
import pytest
from tests.sql.conftest import add_person

UNFINISHED = (
    "SELECT id, status, created_at, current_step FROM projects WHERE status NOT IN ('completed', 'failed')"
    " ORDER BY created_at DESC;"
)
PROGRESS = "SELECT * FROM refinement_progress WHERE project_id = '<project_id>';"
STORAGE = (
    "SELECT bucket_id, COUNT(*) as file_count, SUM((metadata->>'size')::bigint) / 1024 / 1024 as size_mb"
    " FROM storage.objects GROUP BY bucket_id;"
)


@pytest.fixture
def seeded(stack, database):
    """In a transaction that is thrown away: a person with projects in every status, rounds, and objects."""
    person = add_person(database)
    project = person["project"]
    for status, day in (("created", 3), ("uploaded", 2), ("completed", 4), ("failed", 5)):
        database.execute(
            "insert into public.projects (owner_id, status, created_at, current_step) values"
            " (%s, %s, make_timestamptz(2031, 1, %s, 0, 0, 0), 'upload')",
            [person["owner"], status, day],
        )
    # More metrics, exports and runs of the same version: none of them may multiply a round.
    for index in range(3):
        database.execute(
            "insert into public.refinement_metrics (project_id, run_id, version, split, view_index, psnr, ssim)"
            " values (%s, %s, 1, 'training', %s, 20, 0.5)",
            [project, person["run"], index],
        )
        database.execute(
            "insert into public.export_history (project_id, run_id, version, format, artifact_id, bytes, sha256,"
            " seconds) values (%s, %s, 1, 'splat', %s, 1, 'x', 1)",
            [project, person["run"], person["a"]],
        )
        database.execute("insert into public.runs (project_id, step) values (%s, 'refine')", [project])
    for bucket, size in (("3d-models", 5 << 20), ("3d-models", 2 << 20), ("depth-maps", 1 << 20)):
        database.execute(
            "insert into storage.objects (bucket_id, name, metadata) values (%s, %s, %s)",
            [bucket, f"{project}/{uuid.uuid4()}", json.dumps({"size": size})],
        )
    return person


@pytest.fixture(params=["postgres", "owner"])
def ask(database, seeded, request):
    """Runs a query as it is written; the owner under row security."""
    if request.param == "owner":
        database.execute("set local role authenticated")
        database.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps({"sub": seeded["owner"]})])

    def run(query):
        cursor = database.cursor(row_factory=psycopg.rows.dict_row)
        return cursor.execute(query).fetchall()

    return run, seeded, request.param


def test_projects_that_are_not_finished(ask):
    run, person, who = ask
    rows = run(UNFINISHED)
    assert list(rows[0]) == ["id", "status", "created_at", "current_step"]
    assert [row["created_at"] for row in rows] == sorted((row["created_at"] for row in rows), reverse=True)
    mine = [row for row in rows if row["created_at"].year == 2031 or str(row["id"]) == person["project"]]
    assert [(row["status"], row["current_step"]) for row in mine] == [
        ("created", "upload"),
        ("uploaded", "upload"),
        ("processing", "generate"),  # the refines wait behind it
    ]
    assert who == "postgres" or rows == mine


def test_progress_of_refinement(ask):
    run, person, _ = ask
    [row] = run(PROGRESS.replace("<project_id>", person["project"]))
    assert {"project_id", "iteration", "version", "parent_version", "psnr", "ssim", "relative_gain"} <= set(row)
    assert (str(row["project_id"]), row["iteration"], row["version"], row["promoted"]) == (
        person["project"],
        1,
        1,
        True,
    )


def test_progress_of_a_foreign_project_is_empty(ask, people):
    run, _, who = ask
    rows = run(PROGRESS.replace("<project_id>", people[0]["project"]))
    assert len(rows) == (1 if who == "postgres" else 0)


def test_storage_by_bucket(ask):
    run, _, who = ask
    rows = {row["bucket_id"]: row for row in run(STORAGE)}
    assert list(rows["3d-models"]) == ["bucket_id", "file_count", "size_mb"]
    if who == "owner":
        assert {name: (row["file_count"], float(row["size_mb"])) for name, row in rows.items()} == {
            "3d-models": (2, 7.0),
            "depth-maps": (1, 1.0),
        }
    else:
        assert rows["3d-models"]["file_count"] >= 2


def test_a_summary_has_one_row_a_project(database, seeded):
    rows = database.execute(
        "select status, images, usable_images, model_versions, promoted_version, exports, bytes"
        " from public.project_summary where project_id = %s",
        [seeded["project"]],
    ).fetchall()
    assert rows == [("processing", 1, 1, 2, 1, 4, 2)]

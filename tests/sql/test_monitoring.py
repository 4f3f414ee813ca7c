"""sql/monitoring: each query on seeded rows with exact figures, on an empty database, and as its head says.

The rows lie in the past or the future of everything else in the shared database, or are told apart by their project.
"""

import datetime
import json
import re
import uuid
from pathlib import Path

import psycopg
import pytest
from tests.db.databases import fresh_database_of
from typer.testing import CliRunner

from maquette.cli import data
from maquette.db.migrate import migrate
from maquette.db.queries import FOLDER, BadQueryError, QueryValueError, ask, fill, monitoring_queries

QUERIES = monitoring_queries()


@pytest.fixture(scope="module")
def watched(stack):
    """A database of its own, migrated, with rows whose figures can be told by hand."""
    with fresh_database_of(stack) as url:
        migrate(url)
        with psycopg.connect(url, cursor_factory=psycopg.ClientCursor) as connection:
            yield url, seed(connection)


def seed(connection):
    ids = {name: str(uuid.uuid4()) for name in ("owner", "p", "q", "eval", "lost", "stray", "odd")}
    connection.execute("insert into auth.users (id) values (%(owner)s)", ids)
    connection.execute(
        "insert into public.projects (id, owner_id, name, created_at) values"
        " (%(p)s, %(owner)s, 'P', '2026-01-01'), (%(q)s, %(owner)s, 'Q', '2026-01-02')",
        ids,
    )
    add = (
        "insert into public.runs (project_id, step, status, attempt, queued_at, started_at, finished_at, heartbeat_at,"
        " timings, error, job_id) values (%(project)s, %(step)s, 'queued', 0, now() - %(queued)s * interval '1 s',"
        " now() - %(started)s * interval '1 s', null, now() - %(beat)s * interval '1 s', %(timings)s, %(error)s, 7)"
        " returning id"
    )

    def run(project, step, status, queued, started=None, ended=None, beat=None, timings=None, error=None):
        [run_id] = connection.execute(
            add,
            {
                "project": ids[project],
                "step": step,
                "queued": queued,
                "started": started,
                "beat": beat,
                "timings": json.dumps(timings or {}),
                "error": json.dumps(error) if error else None,
            },
        ).fetchone()
        if status != "queued":
            connection.execute("update public.runs set status = 'running', attempt = 1 where id = %s", [run_id])
        if status not in ("queued", "running"):
            connection.execute(
                "update public.runs set status = %s, finished_at = now() - %s * interval '1 s' where id = %s",
                [status, ended, run_id],
            )
        return run_id

    # Generates that took 10, 20, 30, 40 and 50 s after waits of 1 to 5 s.
    for n in range(1, 6):
        run("p", "generate", "completed", 1000, 1000 - n, 1000 - n - 10 * n,
            timings={"training": 8 * n, "cameras": 2 * n, "peak_memory_mb": 900})  # fmt: skip
    for n, code in enumerate(("too_few_images", "too_few_images", "disk_full")):
        ids[f"failed{n}"] = run(
            "p", "generate", "failed", 500, 499, 400 - n, error={"code": code, "message": f"it was {code}"}
        )
    done = run("p", "refine", "completed", 300, 300, 200)
    ids["stalled"] = run("p", "refine", "running", 100, 90, beat=60)
    run("p", "export", "queued", 40)
    run("q", "export", "queued", 20)
    connection.execute("update public.runs set workload = 'generate/balanced', size = attempt where step = 'generate'")
    connection.execute("update public.runs set turn = case project_id when %s then 7 else 9 end", [ids["p"]])
    connection.execute("update public.runs set heartbeat_at = now() where status = 'running' and heartbeat_at is null")

    artifact = (
        "insert into public.artifacts (id, project_id, run_id, kind, bucket, path, sha256, bytes, mime)"
        " values (%s, %s, %s, 'model', '3d-models', %s, repeat('a', 64), %s, 'x/y')"
    )
    stored = (
        "insert into storage.objects (bucket_id, name, metadata)"
        " values ('3d-models', %s, jsonb_build_object('size', %s))"
    )
    for name, size, object_size in (("m", 3 << 20, 3 << 20), ("lost", 10, None), ("odd", 10, 11)):
        ids[name] = str(uuid.uuid4())
        connection.execute(artifact, [ids[name], ids["p"], done, f"{ids['p']}/{name}", size])
        if object_size is not None:
            connection.execute(stored, [f"{ids['p']}/{name}", object_size])
    connection.execute(stored, [f"{ids['p']}/stray", 5])
    # Retention took this one's object, and says so: no difference, and no bytes.
    connection.execute(artifact, [str(uuid.uuid4()), ids["p"], done, f"{ids['p']}/taken", 1000])
    connection.execute("update public.artifacts set removed_at = now() where path = %s", [f"{ids['p']}/taken"])
    model = (
        "insert into public.gaussian_splat_models (project_id, run_id, view_run_id, version, parent_version, method,"
        " promoted, num_gaussians, num_gaussians_unfiltered, sh_degree, iterations, psnr, ssim, model_artifact_id)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, 1, 0, 1, %s, %s, %s)"
    )
    for version, parent, promoted, psnr, ssim in (
        (0, None, False, 24, 0.78),
        (1, 0, True, 25.25, 0.8),
        (2, 0, False, 23, 0.75),
    ):
        connection.execute(
            model,
            [ids["p"], done, done, version, parent, "refine", promoted, 100 + version, psnr, ssim, ids["m"]],
        )
    for iteration, version, before, after in ((1, 1, 0.6, 0.66), (2, 2, 0.66, 0.6)):
        connection.execute(
            "insert into public.enhancement_iterations (project_id, run_id, iteration, parent_version, version, method,"
            " quality_before, quality_after, relative_gain, converged, promoted, seconds)"
            " values (%s, %s, %s, 0, %s, 'none', %s, %s, 0.1, false, true, 1)",
            [ids["p"], done, iteration, version, before, after],
        )
    # Several metrics and exports of one version, which must not multiply any row.
    connection.execute(
        "insert into public.eval_sets (id, project_id, width, height, image_names) values (%s, %s, 1, 1, '[]')",
        [ids["eval"], ids["p"]],
    )
    connection.execute(
        "update public.gaussian_splat_models set eval_set_id = %s, overall_quality = (psnr / 40 + ssim) / 2",
        [ids["eval"]],
    )
    for index in (None, 0, 8):
        connection.execute(
            "insert into public.refinement_metrics"
            " (project_id, run_id, version, split, eval_set_id, view_index, psnr, ssim)"
            " values (%s, %s, 1, 'held_out', %s, %s, 25, 0.8)",
            [ids["p"], done, ids["eval"], index],
        )
        connection.execute(
            "insert into public.export_history"
            " (project_id, run_id, version, format, artifact_id, bytes, sha256, seconds)"
            " values (%s, %s, 1, 'ply', %s, 1, 'x', 1)",
            [ids["p"], done, ids["m"]],
        )
    connection.execute("set local search_path = jobs")
    connection.execute("insert into procrastinate_workers (last_heartbeat) values (now() - interval '94 s')")
    connection.execute(
        "insert into procrastinate_jobs (queue_name, task_name, status, worker_id) values"
        " ('q', 'run_step', 'doing', (select max(id) from procrastinate_workers)), ('q', 'run_step', 'todo', null),"
        " ('q', 'run_step', 'todo', null)"
    )
    connection.execute("reset search_path")
    connection.commit()
    return ids


@pytest.fixture(scope="module")
def rows_of(watched):
    url, ids = watched

    def rows(name, *columns):
        query = QUERIES[name]
        names, found = ask(url, fill(query, {"project_id": ids["p"]} if query.variables else {}))
        return [tuple(row[names.index(column)] for column in columns or names) for row in found]

    return rows, ids


def plain(rows):
    """Decimals as floats, so that figures can be written here as people read them."""
    return [tuple(float(v) if hasattr(v, "as_tuple") else v for v in row) for row in rows]


def test_unfinished_projects(rows_of):
    rows, ids = rows_of
    found = rows("unfinished_projects", "id", "status", "current_step")
    assert [(str(project), status, step) for project, status, step in found] == [
        (ids["q"], "processing", "export"),
        (ids["p"], "processing", "refine"),
    ]  # fmt: skip


def test_refinement_progress_has_one_row_a_round(rows_of):
    rows, _ = rows_of
    assert rows("refinement_progress", "version", "iteration", "psnr", "quality_after", "promoted") == [
        (1, 1, 25.25, 0.66, True),
        (2, 2, 23.0, 0.6, False),
    ]


def test_storage_by_bucket(rows_of):
    rows, _ = rows_of
    assert plain(rows("storage_by_bucket")) == [("3d-models", 3, pytest.approx(3, abs=0.01))]


def test_queue_depth(rows_of):
    rows, _ = rows_of
    [export, refine] = plain(rows("queue_depth"))
    assert export == ("export", 2, 0, pytest.approx(40, abs=20), pytest.approx(30, abs=20))
    assert export[3] - export[4] == pytest.approx(10, abs=0.11)
    assert refine == ("refine", 0, 1, None, None)


def test_line_by_owner(rows_of):
    rows, ids = rows_of
    [(owner, running, waiting, first, last, longest)] = plain(rows("line_by_owner"))
    assert (str(owner), running, waiting, first, last) == (ids["owner"], 1, 2, 7, 9)
    assert longest == pytest.approx(40, abs=20)


def test_seconds_per_workload(rows_of):
    rows, _ = rows_of
    assert plain(rows("seconds_per_workload")) == [("generate/balanced", 5, 1.0, 1.0, 30.0, 46.0)]


def test_queue_wait(rows_of):
    rows, _ = rows_of
    [generate, refine] = plain(rows("queue_wait"))
    # Waits of 1, 2, 3, 4, 5 and three times 1 s.
    assert generate == ("generate", 8, 1.5, 4.3, 5.0)
    assert refine == ("refine", 2, 5.0, 9.0, 10.0)


def test_seconds_per_step(rows_of):
    rows, _ = rows_of
    assert plain(rows("seconds_per_step")) == [("generate", 5, 30.0, 46.0, 50.0), ("refine", 1, 100.0, 100.0, 100.0)]


def test_seconds_per_stage(rows_of):
    rows, _ = rows_of
    assert plain(rows("seconds_per_stage")) == [
        ("generate", "training", 5, 24.0, 36.8),
        ("generate", "cameras", 5, 6.0, 9.2),
    ]


def test_failures_by_code(rows_of):
    rows, ids = rows_of
    assert rows("failures_by_code", "step", "code", "failures", "last_message") == [
        ("generate", "too_few_images", 2, "it was too_few_images"),
        ("generate", "disk_full", 1, "it was disk_full"),
    ]
    assert rows("failures_by_code", "last_run_id") == [(ids["failed1"],), (ids["failed2"],)]


def test_stalled_runs(rows_of):
    rows, ids = rows_of
    [(run, step, attempt, silent, job)] = plain(rows("stalled_runs", "id", "step", "attempt", "silent_s", "job_id"))
    assert (run, step, attempt, job) == (ids["stalled"], "refine", 1, 7)
    assert 60 <= silent < 120


def test_storage_by_project(rows_of):
    rows, ids = rows_of
    size = 3 << 20
    assert plain(rows("storage_by_project")) == [(ids["p"], "P", "3d-models", 3, size + 16, 3, size + 20)]


def test_storage_differences(rows_of):
    rows, ids = rows_of
    assert rows("storage_differences") == [
        ("missing", "3d-models", f"{ids['p']}/lost", None, 10),
        ("size", "3d-models", f"{ids['p']}/odd", 11, 10),
        ("unknown", "3d-models", f"{ids['p']}/stray", 5, None),
    ]


def test_model_versions(rows_of):
    rows, _ = rows_of
    columns = ("version", "parent_version", "promoted", "psnr", "psnr_gain", "ssim", "ssim_gain")
    assert plain(rows("model_versions", *columns)) == [
        (0, None, False, 24.0, None, 0.78, None),
        (1, 0, True, 25.25, 1.25, 0.8, 0.02),
        (2, 0, False, 23.0, -1.0, 0.75, -0.03),
    ]


def test_best_models(rows_of):
    rows, ids = rows_of
    assert plain(rows("best_models")) == [(uuid.UUID(ids["p"]), "P", 1, 25.25, 0.8, 0.716, "warning", 101, True)]


def test_events_per_minute(rows_of, watched):
    rows, _ = rows_of
    _, [(written,)] = ask(watched[0], "select count(*) from public.events")
    [(minute, events, projects)] = rows("events_per_minute")
    assert (events, projects) == (written, 2)
    assert isinstance(minute, datetime.datetime) and minute.second == 0


def test_jobs_and_workers(rows_of):
    rows, _ = rows_of
    assert rows("jobs", "task_name", "status", "jobs") == [("run_step", "doing", 1), ("run_step", "todo", 2)]
    [(silent, jobs)] = rows("workers", "silent_s", "jobs")
    assert 94 <= silent < 150 and jobs == 1


def test_all_are_tested_here():
    assert {path.stem for path in FOLDER.glob("*.sql")} == set(QUERIES)
    text = Path(__file__).read_text()
    assert [name for name in QUERIES if f'"{name}"' not in text] == []


@pytest.mark.parametrize("name", QUERIES)
def test_each_runs_on_an_empty_database(stack, name, empty):
    query = QUERIES[name]
    columns, rows = ask(empty, fill(query, {one: str(uuid.uuid4()) for one in query.variables}))
    assert columns and rows == []


@pytest.fixture(scope="module")
def empty(stack):
    with fresh_database_of(stack) as url:
        migrate(url)
        yield url


@pytest.mark.parametrize("name", QUERIES)
def test_each_head_tells_who_may_run_it_and_shows_its_columns(empty, name):
    query = QUERIES[name]
    assert "\nWho: " in query.about and 20 < len(query.summary) < 160
    columns, _ = ask(empty, fill(query, {one: str(uuid.uuid4()) for one in query.variables}))
    shown = next(line for line in query.about.splitlines() if "|" in line)
    assert re.split(r"\s*\|\s*", shown.strip()) == columns


def test_values_are_texts_and_never_sql(empty):
    with pytest.raises(BadQueryError) as refused:
        ask(empty, fill(QUERIES["refinement_progress"], {"project_id": "x' or '1'='1"}))
    assert "invalid input syntax for type uuid" in refused.value.message
    for values in ({}, {"project_id": "x", "other": "y"}):
        with pytest.raises(QueryValueError):
            fill(QUERIES["refinement_progress"], values)


def test_a_database_without_our_tables_is_named_as_such(stack):
    with fresh_database_of(stack) as url, pytest.raises(BadQueryError) as refused:
        ask(url, fill(QUERIES["queue_depth"], {}))
    assert "maquette db migrate" in refused.value.suggestion


@pytest.fixture
def call(stack, monkeypatch):
    monkeypatch.setenv("MAQUETTE_HOME", str(stack.home))
    return lambda *arguments: CliRunner().invoke(data.app, ["query", *arguments])


def test_the_command_lists_and_runs(call):
    listed = call("--json")
    assert {row["query"] for row in json.loads(listed.stdout)} == set(QUERIES)
    assert call().exit_code == 0
    ran = call("refinement_progress", "--set", f"project_id={uuid.uuid4()}")
    assert ran.exit_code == 0 and "relative_gain" in ran.stdout.replace("\n", "") and "no rows" in ran.stdout
    answer = json.loads(call("select 1.5::numeric as x, null as y, 'é[b]' as z", "--json").stdout)
    assert answer == [{"x": 1.5, "y": None, "z": "é[b]"}]
    assert json.loads(call("jobs", "--json").stdout) == [] or call("jobs").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["no_such_query"], "unknown_query"),
        (["refinement_progress"], "query_value"),
        (["queue_depth", "--set", "x=1"], "query_value"),
        (["queue_depth", "--set", "x"], "bad_input"),
        (["delete from public.runs"], "bad_query"),
    ],
)
def test_the_command_refuses_in_words(call, arguments, code):
    refused = call(*arguments)
    assert refused.exit_code != 0
    assert refused.exception.code == code and refused.exception.suggestion

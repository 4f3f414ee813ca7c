# ruff: noqa: S608 - table names come from our own list
"""Rows of every table, read and written as each role; refusals first."""

import json
import uuid

import psycopg
import pytest

from maquette.db.check import TABLES

FILL = """
insert into auth.users (id) values (%(owner)s);
insert into public.projects (id, owner_id) values (%(project)s, %(owner)s);
insert into public.runs (id, project_id, step) values (%(run)s, %(project)s, 'generate');
insert into public.artifacts (id, project_id, run_id, kind, bucket, path, sha256, bytes, mime) values
    (%(a)s, %(project)s, %(run)s, 'model', '3d-models', %(project)s || '/a', repeat('a', 64), 1, 'x/y'),
    (%(b)s, %(project)s, %(run)s, 'original', 'project-uploads', %(project)s || '/b', repeat('b', 64), 1, 'x/y');
insert into public.artifact_inputs (artifact_id, input_artifact_id) values (%(a)s, %(b)s);
insert into public.source_images (project_id, image_index, filename, verdict, sha256)
    values (%(project)s, 0, 'x.jpg', 'ok', repeat('b', 64));
insert into public.eval_sets (project_id, width, height, image_names) values (%(project)s, 1, 1, '[]');
insert into public.multiview_generation (id, project_id, run_id, view_index, name, split, camera)
    values (%(view)s, %(project)s, %(run)s, 0, 'x', 'training', '{}');
insert into public.gaussian_splat_models (
    project_id, run_id, view_run_id, version, method, num_gaussians, num_gaussians_unfiltered, sh_degree, iterations,
    model_artifact_id)
    select %(project)s, %(run)s, %(run)s, v, 'generate', 1, 1, 0, 1, %(a)s from unnest(array[0, 1]) v;
insert into public.depth_maps (project_id, run_id, view_id, method, coverage, depth_artifact_id)
    values (%(project)s, %(run)s, %(view)s, 'x', 1, %(a)s);
insert into public.enhancement_iterations (
    id, project_id, run_id, iteration, parent_version, version, method, quality_before, quality_after, relative_gain,
    converged, promoted, seconds)
    values (%(iteration)s, %(project)s, %(run)s, 1, 0, 1, 'none', 1, 1, 0, true, false, 1);
insert into public.enhanced_views (project_id, iteration_id, view_id, method)
    values (%(project)s, %(iteration)s, %(view)s, 'x');
insert into public.refinement_metrics (project_id, run_id, version, split, psnr, ssim)
    values (%(project)s, %(run)s, 1, 'held_out', 20, 0.5);
insert into public.export_history (project_id, run_id, version, format, artifact_id, bytes, sha256, seconds)
    values (%(project)s, %(run)s, 1, 'ply', %(a)s, 1, 'x', 1);
insert into public.share_links (project_id, share_key, title)
    values (%(project)s, substr(replace(%(project)s || %(run)s, '-', ''), 1, 43), 'x');
"""


@pytest.fixture(scope="module")
def people(stack):
    """Two users with a row in every table each."""
    made = []
    with psycopg.connect(stack.connections.database_url, cursor_factory=psycopg.ClientCursor) as connection:
        for _ in range(2):
            ids = {name: str(uuid.uuid4()) for name in ("owner", "project", "run", "a", "b", "view", "iteration")}
            connection.execute(FILL, ids)
            made.append(ids)
    return made


@pytest.fixture
def as_role(stack):
    """A connection in one transaction under a role; nothing it does is kept."""
    connection = psycopg.connect(stack.connections.database_url)

    def become(role, user=None):
        connection.rollback()
        claims = json.dumps({"role": role, **({"sub": user} if user else {})})
        connection.execute(
            "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)", [role, claims]
        )
        return connection

    yield become
    connection.close()


VIEWS = ("refinement_progress", "project_summary")


@pytest.mark.parametrize("table", TABLES + VIEWS)
def test_anon_is_refused(as_role, people, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_role("anon").execute(f"select 1 from public.{table}")


@pytest.mark.parametrize("table", TABLES + VIEWS)
def test_rows_of_others_are_hidden_and_ones_own_are_not(as_role, people, table):
    first, second = people
    mine = "artifact_id in (select id from public.artifacts where project_id = %s)"
    column = {"projects": "id = %s", "artifact_inputs": mine}.get(table, "project_id = %s")
    for me, other in ((first, second), (second, first)):
        connection = as_role("authenticated", me["owner"])
        [seen] = connection.execute(f"select count(*) from public.{table}").fetchone()
        [own] = connection.execute(f"select count(*) from public.{table} where {column}", [me["project"]]).fetchone()
        hidden = connection.execute(
            f"select count(*) from public.{table} where {column}", [other["project"]]
        ).fetchone()
        assert own > 0
        assert seen == own
        assert hidden == (0,)
    connection = as_role("authenticated", str(uuid.uuid4()))
    assert connection.execute(f"select count(*) from public.{table}").fetchone() == (0,)


@pytest.mark.parametrize("table", TABLES)
def test_owners_write_nothing_themselves(as_role, people, table):
    owner = people[0]["owner"]
    for statement in (
        f"delete from public.{table}",
        f"insert into public.{table} default values",
        f"truncate public.{table}",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_role("authenticated", owner).execute(statement)


@pytest.mark.parametrize("table", TABLES + VIEWS)
def test_the_service_sees_all(as_role, people, table):
    [seen] = as_role("service_role").execute(f"select count(*) from public.{table}").fetchone()
    assert seen >= 2


def test_lineage_of_others_is_hidden(as_role, people):
    first, second = people
    trace = "select path from public.artifact_lineage(%s)"
    mine = as_role("authenticated", first["owner"]).execute(trace, [first["a"]]).fetchall()
    assert [path for (path,) in mine] == [f"{first['project']}/a", f"{first['project']}/b"]
    assert as_role("authenticated", second["owner"]).execute(trace, [first["a"]]).fetchall() == []

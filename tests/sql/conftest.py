"""Two people with a row in every table each, and connections under a role."""

import json
import uuid

import psycopg
import pytest

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
insert into public.eval_sets (id, project_id, width, height, image_names) values (%(eval)s, %(project)s, 1, 1, '[]');
insert into public.multiview_generation (id, project_id, run_id, view_index, name, split, camera)
    values (%(view)s, %(project)s, %(run)s, 0, 'x', 'training', '{}');
insert into public.gaussian_splat_models (
    project_id, run_id, view_run_id, version, parent_version, method, num_gaussians, num_gaussians_unfiltered,
    sh_degree, iterations, model_artifact_id, promoted, eval_set_id, psnr, ssim, overall_quality)
    select %(project)s, %(run)s, %(run)s, v, nullif(v - 1, -1), 'generate', 1, 1, 0, 1, %(a)s, v = 1, %(eval)s, 20, 0.5,
        0.5
    from unnest(array[0, 1]) v;
insert into public.depth_maps (project_id, run_id, view_id, method, coverage, depth_artifact_id)
    values (%(project)s, %(run)s, %(view)s, 'x', 1, %(a)s);
insert into public.enhancement_iterations (
    id, project_id, run_id, iteration, parent_version, version, method, quality_before, quality_after, relative_gain,
    converged, promoted, seconds)
    values (%(iteration)s, %(project)s, %(run)s, 1, 0, 1, 'none', 1, 1, 0, true, false, 1);
insert into public.enhanced_views (project_id, iteration_id, view_id, method)
    values (%(project)s, %(iteration)s, %(view)s, 'x');
insert into public.refinement_metrics (project_id, run_id, version, split, eval_set_id, psnr, ssim)
    values (%(project)s, %(run)s, 1, 'held_out', %(eval)s, 20, 0.5);
insert into public.export_history (id, project_id, run_id, version, format, artifact_id, bytes, sha256, seconds)
    values (%(export)s, %(project)s, %(run)s, 1, 'ply', %(a)s, 1, 'x', 1);
insert into public.share_links (project_id, share_key, title)
    values (%(project)s, translate(%(owner)s, '-', '') || 'abcdefghijk', 'x');
insert into public.meshes (id, project_id, run_id, version, preset, method, triangles, vertices, watertight, seconds)
    values (%(mesh)s, %(project)s, %(run)s, 1, 'fastest', 'tsdf/baked', 4, 4, true, 1);
insert into public.training_previews (
    project_id, run_id, attempt, view_id, iteration, iterations, psnr, width, height, artifact_id)
    values (%(project)s, %(run)s, 1, %(view)s, 5, 10, 20, 4, 3, %(a)s);
insert into public.training_losses (project_id, run_id, version, definition, every, iterations, losses)
    values (%(project)s, %(run)s, 1, 'x', 5, array[5], array[0.5]);
insert into public.mesh_files (project_id, mesh_id, name, artifact_id)
    values (%(project)s, %(mesh)s, 'mesh.obj', %(a)s);
"""
IDS = ("owner", "project", "run", "a", "b", "eval", "view", "iteration", "export", "mesh")


def add_person(connection):
    """A user with one row in every table; the ids by name. ``connection`` binds on the client."""
    ids = {name: str(uuid.uuid4()) for name in IDS}
    connection.execute(FILL, ids)
    return ids


@pytest.fixture(scope="module")
def people(stack):
    with psycopg.connect(stack.connections.database_url, cursor_factory=psycopg.ClientCursor) as connection:
        return [add_person(connection) for _ in range(2)]


@pytest.fixture
def database(stack):
    """A connection as the service has it, whose work is thrown away."""
    connection = psycopg.connect(stack.connections.database_url, cursor_factory=psycopg.ClientCursor)
    yield connection
    connection.close()


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

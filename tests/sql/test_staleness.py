"""What is stale by lineage alone: what carries it on, what does not, and who may see it."""

import psycopg
import pytest
from tests.sql.conftest import add_person
from tests.sql.test_lineage import add_artifacts, link


@pytest.fixture
def project(database):
    """A photo of somebody's project, replaced, and the processed picture it was. Nothing was made of it yet."""
    person = add_person(database)
    [old] = add_artifacts(database, person["project"], 1, "processed")
    [new] = add_artifacts(database, person["project"], 1, "processed")
    photo = "insert into public.source_images (project_id, image_index, filename, verdict, sha256, generation,"
    photo += " replaced_at, processed_artifact_id) values (%s, 7, %s, 'ok', repeat('c', 64), %s, %s, %s)"
    database.execute(photo, [person["project"], "old.jpg", 0, "2026-01-01", old])
    database.execute(photo, [person["project"], "new.jpg", 1, None, new])
    return person, old, new


def stale(connection, person):
    rows = connection.execute("select artifact_id, stale_because from public.stale_artifacts(%s)", [person["project"]])
    return {artifact: [photo["filename"] for photo in because] for artifact, because in rows.fetchall()}


def make(connection, person, kind, *sources):
    [made] = add_artifacts(connection, person["project"], 1, kind)
    link(connection, *((made, source) for source in sources))
    return made


def test_from_the_photo_to_all_that_shows_it(database, project):
    person, old, new = project
    view = make(database, person, "view", old)
    fresh = make(database, person, "view", new)
    model = make(database, person, "model", view, fresh)
    checkpoint = make(database, person, "checkpoint", view, fresh)
    export = make(database, person, "export", model)
    make(database, person, "model", fresh)
    assert stale(database, person) == {one: ["old.jpg"] for one in (old, view, model, checkpoint, export)}


def test_not_through_the_frame_nor_through_what_a_version_began_from(database, project):
    person, old, new = project
    view, fresh = make(database, person, "view", old), make(database, person, "view", new)
    frame = [make(database, person, kind, old, new) for kind in ("cameras", "sparse_points", "lenses")]
    before = make(database, person, "model", view, *frame)
    begun = make(database, person, "checkpoint", view, *frame)
    render = make(database, person, "rendered_view", before)
    enhanced = make(database, person, "enhanced_view", render)
    make(database, person, "model", fresh, begun, enhanced, *frame)
    depth_of_other = make(database, person, "depth_map", before, fresh)
    depth = make(database, person, "depth_map", before, view)
    found = stale(database, person)
    assert set(found) == {old, view, before, begun, render, depth}
    assert depth_of_other not in found


def test_each_photo_is_named_once(database, project):
    person, old, _ = project
    [second] = add_artifacts(database, person["project"], 1, "processed")
    database.execute(
        "insert into public.source_images (project_id, image_index, filename, verdict, sha256, replaced_at,"
        " processed_artifact_id) values (%s, 3, 'also.jpg', 'ok', repeat('d', 64), now(), %s)",
        [person["project"], second],
    )
    first, other = make(database, person, "view", old), make(database, person, "view", second)
    model = make(database, person, "model", first, other)
    export = make(database, person, "export", model, first)
    found = stale(database, person)
    assert found[model] == found[export] == ["also.jpg", "old.jpg"]


def test_the_versions_by_number(database, project):
    person, old, _ = project
    link(database, (person["a"], old))
    rows = database.execute("select version, promoted from public.stale_models(%s)", [person["project"]]).fetchall()
    # Both versions of the person's project have the same file here.
    assert rows == [(0, False), (1, True)]


def test_nobody_else_sees_it(database, project):
    person, old, _ = project
    make(database, person, "view", old)
    stranger = add_person(database)
    for user, count in ((person, 2), (stranger, 0)):
        database.execute("set local role authenticated")
        database.execute(
            "select set_config('request.jwt.claims', json_build_object('sub', %s)::text, true)", [user["owner"]]
        )
        assert len(stale(database, person)) == count
        database.execute("reset role")
    database.execute("set local role anon")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        stale(database, person)


@pytest.mark.parametrize("table", ["source_images", "multiview_generation"])
def test_a_place_has_one_row_that_counts(database, table):
    person = add_person(database)
    columns = {
        "source_images": "project_id, image_index, filename, verdict, sha256",
        "multiview_generation": "project_id, run_id, view_index, name, split, camera",
    }[table]
    again = f"insert into public.{table} ({columns}, generation) select {columns}, 1 from public.{table}"  # noqa: S608
    with pytest.raises(psycopg.errors.UniqueViolation), database.transaction():
        database.execute(f"{again} where project_id = %s", [person["project"]])
    database.execute(f"update public.{table} set replaced_at = now() where project_id = %s", [person["project"]])  # noqa: S608
    database.execute(f"{again} where project_id = %s", [person["project"]])
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute(
            f"update public.{table} set replaced_at = null where project_id = %s and generation = 0",  # noqa: S608
            [person["project"]],
        )

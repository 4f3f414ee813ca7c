"""A project leaves as one file and comes in as another project: the same rows, the same bytes, nobody else's."""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from tests.execution.house import House
from tests.execution.projects import Here, carried_out, live
from tests.retention.lived_in import objects_of
from typer.testing import CliRunner

from maquette.cli import app
from maquette.db import bundles, projects, records
from maquette.db.bundle_tables import STAYING, TABLES
from maquette.db.rows import Row
from maquette.embedded.compat import LOCAL_OWNER
from maquette.embedded.stack import EmbeddedStack
from maquette.errors import MaquetteError
from maquette.execution import imports
from maquette.execution.bundles import LIGHT_LEAVES_OUT
from maquette.execution.deaths import StepDiskFullError
from maquette.execution.fetch import fill_folder
from maquette.execution.keeper import Keeper
from maquette.recon.bundle import open_bundle
from maquette.recon.digest import sha256_of
from maquette.retention.intermediates import KINDS
from maquette.steps import STEPS
from maquette.worker.carry import carry_out
from maquette.worker.services import open_services

OWNER = UUID(LOCAL_OWNER)


async def import_file(house: House, path: Path, owner: UUID = OWNER) -> House:
    """As API and command line do; the house with the new project."""
    with open_bundle(path) as bundle:
        async with house.pool.connection() as conn:
            coming = await imports.settle(conn, bundle)
        async with (
            imports.in_place(house.objects, bundle, coming, path.parent / "objects"),
            house.pool.connection() as conn,
        ):
            return replace(house, project=await imports.write(conn, owner, coming))


async def bundled(house: House, tmp_path: Path, **options: Any) -> Path:
    """The bundle of the project, fetched from where it was kept."""
    return await fetched(
        house, await carried_out(house, tmp_path / uuid.uuid4().hex, "export", format="bundle", **options)
    )


async def fetched(house: House, run: Row) -> Path:
    """The file that an export made."""
    [row] = await house.rows(
        "select a.* from public.export_history e join public.artifacts a on a.id = e.artifact_id where e.run_id = %s",
        run["id"],
    )
    path = house.settings.home / f"{uuid.uuid4().hex}.zip"
    await house.objects.download(row["bucket"], row["path"], path)
    assert sha256_of(path) == row["sha256"] == run["result"]["sha256"]
    return path


@dataclass
class Kept:
    """A project that has lived, and its bundle: made once, and changed by no test."""

    folder: Path
    project: Row = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.folder / "fox.bundle.zip"

    def copy(self, folder: Path) -> Path:
        return Path(shutil.copy(self.path, folder / "given.bundle.zip"))


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
async def lived(house: House, folder: Path, tmp_path: Path, kept: Kept) -> House:
    """The house with the project that the bundle was made of."""
    if not kept.project:
        async with house.pool.connection() as conn:
            project = await projects.create(conn, OWNER, "Fox")
        await live(replace(house, project=project), folder, tmp_path)
        # As a worker does it, in a process of its own.
        run = await house.queue("export", {"format": "bundle"}, project)
        await carry_out(await open_services(house.settings, house.pool, house.objects), run["id"])
        shutil.copy(await fetched(house, await house.run(run["id"])), kept.path)
        kept.project = project
    return replace(house, project=kept.project)


@pytest.fixture
def bundle(lived: House, kept: Kept, tmp_path: Path) -> Path:
    return kept.copy(tmp_path)


def size_of(path: Path) -> int:
    return path.stat().st_size


def rewritten(path: Path, change: Callable[[dict[str, Any]], None], **files: bytes) -> Path:
    """The bundle with another manifest, and other files in the place of its own."""
    target = path.with_name(f"changed-{uuid.uuid4().hex}.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = files.get(name, old.read(name))
            if name == "manifest.json":
                manifest = json.loads(data)
                change(manifest)
                data = json.dumps(manifest).encode()
            new.writestr(name, data)
    return target


async def everything(house: House) -> dict[str, list[Row]]:
    """All rows of a project, with ids by what they name: of two projects the same where those are alike."""
    async with house.pool.connection() as conn:
        tables = await bundles.read_tables(conn, house.project["id"])
    names = {
        row["id"]: f"{table} {index}"
        for table, rows in tables.items()
        for index, row in enumerate(sorted(rows, key=_place))
        if "id" in row
    } | {str(house.project["id"]): "project"}

    def named(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: named(one) for key, one in value.items()}
        if isinstance(value, list):
            return [named(one) for one in value]
        if isinstance(value, str):
            for old, new in names.items():
                value = value.replace(old, new)
        return value

    return {table: sorted(map(named, rows), key=str) for table, rows in tables.items()}


def _place(row: Row) -> list[str]:
    telling = (
        "kind",
        "queued_at",
        "sha256",
        "version",
        "view_index",
        "split",
        "image_index",
        "iteration",
        "depth_min",
        "name",
    )
    return [str(row.get(name)) for name in telling]


async def test_a_project_comes_back_as_another_with_every_row_and_byte(
    house: House, lived: House, bundle: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(bundle) as archive:
        assert archive.testzip() is None and {i.compress_type for i in archive.infolist()} == {zipfile.ZIP_STORED}
        manifest = json.loads(archive.read("manifest.json"))
        words = archive.read("README.txt").decode()
        assert json.loads(archive.read("metrics.json"))["versions"][1]["psnr"] == 21.5
    assert "v1 (promoted): " in words and "PSNR 21.50 dB" in words
    assert all(manifest["tables"][table.name] for table in TABLES), "the test's project has a row in every table"
    whole = json.dumps(manifest)
    for secret in (LOCAL_OWNER, house.connections.secret_key, "owner_id", "token=", "://"):
        assert secret not in whole

    other = await import_file(house, bundle)
    assert other.project["id"] != lived.project["id"] and other.project["name"] == "Fox"
    assert (other.project["status"], other.project["owner_id"]) == ("completed", OWNER)
    assert await everything(other) == await everything(lived)
    [event] = await house.rows("select * from public.events where project_id = %s", other.project["id"])
    assert (event["type"], event["seq"], event["payload"]["versions"]) == ("imported", 1, 2)
    there = {key for keys in (await objects_of(other)).values() for key in keys}
    rows = await house.rows("select * from public.artifacts where project_id = %s", other.project["id"])
    assert there == {row["path"] for row in rows}
    # Which reads every object again, and compares its hash.
    again = await import_file(other, await bundled(other, tmp_path))
    assert await everything(again) == await everything(lived)


async def test_what_was_imported_is_refined_and_exported_on(house: House, bundle: Path, tmp_path: Path) -> None:
    other = await import_file(house, bundle)
    before = await other.model(1)
    short = {"from_version": 1, "num_iterations": 1, "steps_per_iteration": 2, "enhancement": "none"}
    await carried_out(other, tmp_path / "refine", "refine", **short)
    made = await other.model(2)
    assert (made["parent_version"], made["view_run_id"]) == (1, before["view_run_id"])
    assert made["eval_set_id"] == before["eval_set_id"], "its numbers compare with those that were imported"
    exported = await carried_out(other, tmp_path / "export", "export", format="ply", version=2)
    assert exported["result"]["gaussians"] == made["num_gaussians"]


async def test_a_light_one_leaves_out_what_only_a_refine_reads(house: House, bundle: Path, tmp_path: Path) -> None:
    assert set(LIGHT_LEAVES_OUT) == set(KINDS) - {"saved_work", "training_preview"}
    full = await import_file(house, bundle)
    light = await bundled(full, tmp_path, light=True)
    assert size_of(light) < size_of(bundle)
    other = await import_file(house, light)
    gone = await house.rows(
        "select distinct kind from public.artifacts where project_id = %s and removed_at is not null",
        other.project["id"],
    )
    only_helped = {"depth_map", "depth_heatmap", "rendered_view", "enhanced_view"}
    assert {row["kind"] for row in gone} == {"checkpoint", *only_helped}
    run = await other.started("refine", {"from_version": 1})
    with pytest.raises(records.FileRemovedError, match="checkpoint"):
        await fill_folder(house.pool, house.objects, run, tmp_path / "refine")
    await house.finish(run)
    await carried_out(other, tmp_path / "export", "export", format="ply", version=1)


async def test_an_attempt_goes_on_with_the_objects_that_are_there_and_says_what_is_lost(
    house: House, bundle: Path, tmp_path: Path
) -> None:
    """Fetched once, and not again when another attempt begins."""
    other = await import_file(house, bundle)
    run = await other.started("export", {"format": "bundle"})
    work = tmp_path / "work"
    await fill_folder(house.pool, house.objects, run, work)
    written = {path: path.stat().st_mtime_ns for path in (work / "bundle" / "objects").iterdir()}
    rows = await house.rows(
        "select * from public.artifacts where project_id = %s and kind like 'depth%%'", other.project["id"]
    )
    lost, again = [work / "bundle" / "objects" / row["sha256"] for row in rows[:2]]
    lost.unlink()
    again.unlink()
    await house.objects.remove(rows[0]["bucket"], [rows[0]["path"]])
    settled = await fill_folder(house.pool, house.objects, await other.again(run), work)
    assert again.exists() and not lost.exists()
    left = set(written) - {lost, again}
    assert len(left) > 20 and {path: path.stat().st_mtime_ns for path in left} == {p: written[p] for p in left}
    run = await house.run(run["id"])
    sink = Here(await Keeper.open(house.pool, house.objects, run, work), asyncio.get_running_loop())
    await asyncio.to_thread(STEPS["export"].run, work, settled, sink)
    assert [(warning.code, warning.degraded) for warning in sink.warnings] == [("objects_missing", True)]
    await house.finish(run)


async def test_a_disk_without_room_is_told_before_anything_is_fetched(
    house: House, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await import_file(house, bundle)
    run = await other.started("export", {"format": "bundle"})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=size_of(bundle)))
    with pytest.raises(StepDiskFullError):
        await fill_folder(house.pool, house.objects, run, tmp_path / "work")
    assert not (tmp_path / "work" / "bundle" / "objects").exists()
    await house.finish(run)


Change = Callable[[dict[str, Any]], None]


def _row(table: str, **values: Any) -> Change:
    return lambda manifest: manifest["tables"][table][0].update(values)


def _artifact_elsewhere(manifest: dict[str, Any]) -> None:
    manifest["tables"]["artifacts"][0]["path"] = "a/../../../etc/passwd"


def _somebody_elses_export(manifest: dict[str, Any]) -> None:
    for run in manifest["tables"]["runs"]:
        if run["step"] == "export":
            run["result"]["export_id"] = str(uuid.uuid4())


def _two_promoted(manifest: dict[str, Any]) -> None:
    for model in manifest["tables"]["gaussian_splat_models"]:
        model["promoted"] = True


def _one_object_many_times(manifest: dict[str, Any]) -> None:
    """A small file that would write far more than it holds."""
    largest = max(manifest["tables"]["artifacts"], key=lambda artifact: artifact["bytes"])
    for number in range(30):
        copy = {"id": str(uuid.uuid4()), "path": f"{largest['path']}.{number}"}
        manifest["tables"]["artifacts"].append({**largest, **copy})


HOSTILE: dict[str, tuple[Change, str]] = {
    "newer format": (lambda m: m.update(bundle=2), "bundle_newer"),
    "newer schema": (lambda m: m.update(schema="9999_fly.sql"), "bundle_newer"),
    "no schema": (lambda m: m.update(schema="'; drop table"), "bundle_unreadable"),
    "unknown table": (lambda m: m["tables"].update(api_keys=[{"id": "x"}]), "bundle_unreadable"),
    "another owner's table": (lambda m: m["tables"].update(projects=[{"id": "x"}]), "bundle_unreadable"),
    "unknown column": (_row("meshes", **{"method) values ('x'); --": 1}), "bundle_unreadable"),
    "another project": (_row("meshes", project_id=str(uuid.uuid4())), "bundle_unreadable"),
    "path escape": (_artifact_elsewhere, "bundle_unreadable"),
    "unknown bucket": (_row("artifacts", bucket="secrets"), "bundle_unreadable"),
    "a page": (_row("artifacts", mime="text/html; charset=utf-8"), "bundle_unreadable"),
    "causes that break sums": (_row("runs", failures={"x": "y"}), "bundle_unreadable"),
    "causes that are no object": (_row("runs", failures=[1]), "bundle_unreadable"),
    "times that are none": (_row("runs", timings={"training": "long"}), "bundle_unreadable"),
    "times without end": (_row("runs", timings={"training": 1e300}), "bundle_unreadable"),
    "a reason of any letters": (_row("runs", error={"code": "x" * 5000, "message": ""}), "bundle_unreadable"),
    "wrong size": (_row("artifacts", bytes=3), "bundle_unreadable"),
    "a view's name": (_row("multiview_generation", name="../../evil.jpg"), "bundle_unreadable"),
    "a preset": (_row("gaussian_splat_models", details={"preset": "../.."}), "bundle_unreadable"),
    "a dangling reference": (_row("meshes", run_id=str(uuid.uuid4())), "bundle_unreadable"),
    "somebody else's export": (_somebody_elses_export, "bundle_unreadable"),
    "a run at work": (_row("runs", status="running"), "bundle_unreadable"),
    "a step that is none": (_row("runs", step="mine bitcoin"), "bundle_unreadable"),
    "an id that is none": (_row("meshes", id="1'; delete from public.projects; --"), "bundle_unreadable"),
    "a number that is none": (_row("meshes", triangles="12; drop"), "bundle_unreadable"),
    "a text with a null": (_row("enhanced_views", prompt="\x00"), "bundle_unreadable"),
    "a name of two lines": (lambda m: m["project"].update(name="a\nb"), "bundle_unreadable"),
    "two promoted": (_two_promoted, "bundle_unreadable"),
    "a row too few": (lambda m: m["tables"]["artifacts"].pop(), "bundle_unreadable"),
    "one object many times": (_one_object_many_times, "bundle_unreadable"),
    "nested too deep": (lambda m: m.update(tables=[[[]]]), "bundle_unreadable"),
}  # fmt: skip


async def test_hostile_bundles_leave_nothing(house: House, bundle: Path) -> None:
    before = await house.rows("select id from public.projects")
    folders = {bucket: set(await house.objects.folders(bucket)) for bucket in await house.objects.bucket_names()}
    for name, (change, code) in HOSTILE.items():
        with pytest.raises(MaquetteError) as refused:
            await import_file(house, rewritten(bundle, change))
        assert refused.value.code == code and refused.value.suggestion, name
        assert refused.value.status == 422, name
    assert await house.rows("select id from public.projects") == before
    for bucket, known in folders.items():
        assert set(await house.objects.folders(bucket)) == known


async def test_sql_in_texts_stays_text(house: House, bundle: Path) -> None:
    evil = "'); drop table public.projects; --"
    changed = rewritten(bundle, lambda m: m["project"].update(name=evil))
    assert (await import_file(house, changed)).project["name"] == evil


async def test_a_storage_that_refuses_leaves_nothing(house: House, bundle: Path, tmp_path: Path) -> None:
    """Some objects are in place by then."""
    with open_bundle(bundle) as opened:
        async with house.pool.connection() as conn:
            coming = await imports.settle(conn, opened)
        last = coming.rows.places[-1]
        coming.rows.places[-1] = replace(last, bucket="depth-maps", mime="video/mp4")
        with pytest.raises(MaquetteError):
            async with imports.in_place(house.objects, opened, coming, tmp_path / "objects"):
                pass
    assert await objects_of(replace(house, project={"id": coming.project_id})) == {}


async def test_it_belongs_to_whoever_imports_it(house: House, bundle: Path) -> None:
    stranger = uuid.uuid4()
    async with house.pool.connection() as conn:
        await conn.execute("insert into auth.users (id, email) values (%s, %s)", [stranger, f"{stranger}@example.org"])
    mine, theirs = await import_file(house, bundle), await import_file(house, bundle, owner=stranger)
    async with house.pool.connection() as conn:
        for project, owner in ((theirs.project["id"], OWNER), (mine.project["id"], stranger)):
            with pytest.raises(projects.ProjectNotFoundError):
                await projects.get(conn, project, owner)
    assert await everything(mine) == await everything(theirs)
    [shared] = await house.rows(
        "select count(*) as rows from public.artifacts a join public.artifacts b on b.project_id = %s"
        " where a.project_id = %s and (a.id = b.id or (a.bucket, a.path) = (b.bucket, b.path))",
        theirs.project["id"],
        mine.project["id"],
    )
    assert shared["rows"] == 0


async def test_no_table_or_reference_was_forgotten(house: House) -> None:
    """Whoever adds one says whether it travels."""
    named = await house.rows(
        "select c.conrelid::regclass::text as of_table, c.confrelid::regclass::text as to_table, a.attname as column"
        " from pg_constraint c join unnest(c.conkey) k on true join pg_attribute a on a.attrelid = c.conrelid"
        " and a.attnum = k where c.contype = 'f' and c.connamespace = 'public'::regnamespace"
        " and cardinality(c.conkey) = 1"
    )
    found: dict[str, dict[str, str]] = {}
    for row in named:
        if row["to_table"] != "projects" and row["of_table"] not in STAYING:
            found.setdefault(row["of_table"], {})[row["column"]] = row["to_table"]
    assert found == {table.name: dict(table.references) for table in TABLES if table.references}
    of_projects = {row["of_table"] for row in named if row["to_table"] == "projects"}
    assert of_projects | {"artifact_inputs", "run_logs", "projects"} == {table.name for table in TABLES} | STAYING


async def test_the_database_goes_on_telling_of_changes_after_an_import(house: House, bundle: Path) -> None:
    other = await import_file(house, bundle)
    await house.finish(await other.started("export", {"version": 1}))
    events = await house.rows("select type from public.events where project_id = %s order by seq", other.project["id"])
    assert [event["type"] for event in events] == ["imported", "progress", "progress", "complete"]


async def test_the_command_line_does_both(
    house: House, lived: House, stack: EmbeddedStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAQUETTE_HOME", str(stack.home))
    path = tmp_path / "out.bundle.zip"
    written = await asyncio.to_thread(
        CliRunner().invoke, app, ["data", "export", str(lived.project["id"]), "--out", str(path)]
    )
    assert written.exit_code == 0, written.output
    taken = await asyncio.to_thread(CliRunner().invoke, app, ["data", "import", str(path)])
    assert taken.exit_code == 0, taken.output
    other = replace(house, project={"id": UUID(taken.stdout.strip())})
    assert await everything(other) == await everything(lived)

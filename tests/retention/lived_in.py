"""Projects with a past: versions, what they were made by, and times that SQL moved back instead of waiting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import UUID

from tests.execution.house import House, model_record, views_record

from maquette.db import artifacts, projects, records
from maquette.db.rows import Row
from maquette.embedded.compat import LOCAL_OWNER
from maquette.execution.keeper import Keeper
from maquette.steps.folder import Folder
from maquette.storage.buckets import BUCKETS, DEPTH_MAPS, ENHANCED_VIEWS, MODELS

INTERMEDIATE = (
    "saved_work",
    "training_preview",
    "depth_map",
    "depth_heatmap",
    "rendered_view",
    "enhanced_view",
    "confidence_map",
)
BUCKET_OF = {
    "saved_work": MODELS,
    "training_preview": MODELS,
    "depth_map": DEPTH_MAPS,
    "depth_heatmap": DEPTH_MAPS,
    "export": MODELS,
}


async def three_versions(house: House, folder: Path) -> Row:
    """Versions 0, 1 (promoted) and 2, an export, and one file of each intermediate kind; the run that made them."""
    run = await house.started("generate")
    keeper = await Keeper.open(house.pool, house.objects, run, folder)
    await keeper.keep(views_record(Folder(folder)))
    for version in range(3):
        await keeper.keep(model_record(Folder(folder), version, parent=version - 1 if version else None))
    await house.finish(run)
    async with house.pool.connection() as conn:
        await records.promote(conn, house.project["id"], 1)
    for kind in (*INTERMEDIATE, "export"):
        await store(house, kind, run_id=run["id"])
    return run


async def store(house: House, kind: str, *, run_id: UUID | None = None, name: str = "", recorded: bool = True) -> str:
    """An object of a few bytes with its row, as ``kind``; its key."""
    bucket = BUCKET_OF.get(kind, ENHANCED_VIEWS)
    key = f"{house.project['id']}/{name or kind}.bin"
    path = house.settings.home / "given"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"0123456789")
    await house.objects.upload(bucket, key, path, "image/png")
    if recorded:
        async with house.pool.connection() as conn:
            await artifacts.record(
                conn,
                project_id=house.project["id"],
                run_id=run_id,
                kind=kind,
                bucket=bucket,
                path=key,
                sha256="0" * 64,
                size=10,
                mime="image/png",
            )
    return key


async def another_project(house: House, name: str = "Another") -> House:
    """The same house with a second project."""
    async with house.pool.connection() as conn:
        return replace(house, project=await projects.create(conn, UUID(LOCAL_OWNER), name))


async def make_older(house: House, days: float) -> None:
    """Move the project's life and its objects back."""
    async with house.pool.connection() as conn:
        values = {"days": days, "id": house.project["id"]}
        for query in (
            "update public.projects set updated_at = updated_at - make_interval(secs => %(days)s * 86400)"
            " where id = %(id)s",
            "update public.runs set queued_at = queued_at - make_interval(secs => %(days)s * 86400),"
            " started_at = started_at - make_interval(secs => %(days)s * 86400),"
            " finished_at = finished_at - make_interval(secs => %(days)s * 86400) where project_id = %(id)s",
        ):
            await conn.execute(query.encode(), values)
    await make_objects_older(house, days)


async def make_objects_older(house: House, days: float, prefix: str | None = None) -> None:
    """What the storage service says of the age of the project's objects, or of those below another folder."""
    columns = "id, bucket_id, name, last_accessed_at, metadata, version"
    async with house.pool.connection() as conn:
        # A trigger says "now" at every update, so the rows are taken out and put back.
        await conn.execute("select set_config('storage.allow_delete_query', 'true', true)")
        await conn.execute(
            "create temporary table older on commit drop as select * from storage.objects where starts_with(name, %s)",
            [f"{prefix or house.project['id']}/"],
        )
        await conn.execute("delete from storage.objects where id in (select id from older)")
        await conn.execute(
            f"insert into storage.objects ({columns}, created_at, updated_at) select {columns},"  # noqa: S608
            " created_at - make_interval(secs => %(s)s), updated_at - make_interval(secs => %(s)s) from older".encode(),
            {"s": days * 86400},
        )


async def objects_of(house: House) -> dict[str, set[str]]:
    """The keys that storage holds of the project, by bucket."""
    found = {bucket: {key async for key in house.objects.walk(bucket, str(house.project["id"]))} for bucket in BUCKETS}
    return {bucket: keys for bucket, keys in found.items() if keys}


async def everything(house: House) -> tuple[dict[str, set[str]], list[Row]]:
    """Objects and artifact rows of the project, to be compared with what they are later."""
    rows = await house.rows(
        "select id, path, removed_at from public.artifacts where project_id = %s order by path", house.project["id"]
    )
    return await objects_of(house), rows


async def kinds_left(house: House) -> set[str]:
    """Kinds of artifacts whose objects are really there."""
    there = set().union(*(await objects_of(house)).values())
    rows = await house.rows("select kind, path from public.artifacts where project_id = %s", house.project["id"])
    return {row["kind"] for row in rows if row["path"] in there}

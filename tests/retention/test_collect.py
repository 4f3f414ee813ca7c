"""What has had its time goes, objects before rows; everything else stays, and a kill in between costs nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.execution.house import House, model_record, views_record
from tests.retention.lived_in import (
    INTERMEDIATE,
    another_project,
    everything,
    kinds_left,
    make_older,
    objects_of,
    store,
    three_versions,
)

from maquette.db import shares
from maquette.execution.keeper import Keeper
from maquette.retention import collect as collecting
from maquette.retention.collect import collect
from maquette.retention.intermediates import INTERMEDIATES, KINDS
from maquette.retention.removed import Removed, Stores, Terms
from maquette.steps.folder import Folder
from maquette.storage.client import Entry, Objects

MONTH = Terms(30, 0)
WEEK = Terms(0, 7)


async def gone(stores: Stores, terms: Terms, *, dry_run: bool = False) -> list[Removed]:
    return [one async for one in collect(stores, terms, dry_run=dry_run)]


async def exists(house: House) -> bool:
    return bool(await house.rows("select 1 from public.projects where id = %s", house.project["id"]))


def test_every_intermediate_says_why_nobody_misses_it() -> None:
    assert all(one.reason for one in INTERMEDIATES)
    assert len(set(KINDS)) == len(KINDS)
    assert not {"original", "processed", "model", "preview", "export"} & set(KINDS)


async def test_an_expired_project_goes_whole_and_others_stay(house: House, stores: Stores, folder: Path) -> None:
    await three_versions(house, folder)
    stray = await store(house, "depth_map", name="of-a-killed-attempt", recorded=False)
    other = await another_project(house)
    await store(other, "depth_map")
    young = await everything(other)
    await make_older(house, 31)
    before = await objects_of(house)
    count = sum(len(keys) for keys in before.values())
    assert any(stray in keys for keys in before.values())

    [told] = await gone(stores, MONTH, dry_run=True)
    assert (told.what, told.project_id, told.objects) == ("project", house.project["id"], count)
    assert await objects_of(house) == before and await exists(house), "a dry run changes nothing"

    [removed] = await gone(stores, MONTH)
    assert removed == told, "what the dry run announced is what went"
    assert removed.bytes > 0
    assert await objects_of(house) == {} and not await exists(house)
    assert await house.rows("select 1 from public.artifacts where project_id = %s", house.project["id"]) == []
    assert await everything(other) == young
    assert await gone(stores, MONTH) == []


async def test_intermediates_go_and_the_chosen_version_keeps_what_it_needs(
    house: House, stores: Stores, folder: Path
) -> None:
    await three_versions(house, folder)
    await make_older(house, 8)
    [told] = await gone(stores, WEEK, dry_run=True)
    before = await everything(house)
    assert all(row["removed_at"] is None for row in before[1])

    [removed] = await gone(stores, WEEK)
    # One of each kind, and the checkpoint of version 0: 1 is promoted, 2 the newest.
    assert (removed.what, removed.objects) == ("intermediates", len(INTERMEDIATE) + 1) and removed == told
    rows = await house.rows(
        "select kind, path, removed_at from public.artifacts where project_id = %s", house.project["id"]
    )
    marked = {row["path"] for row in rows if row["removed_at"] is not None}
    there = set().union(*(await objects_of(house)).values())
    assert marked.isdisjoint(there) and marked | there == {row["path"] for row in rows}, "rows tell the truth"
    assert len(rows) == len(before[1]), "rows stay, for lineage"
    left = await kinds_left(house)
    assert left == {"view", "cameras", "sparse_points", "model", "checkpoint", "preview", "export"}
    for version, kept in ((0, False), (1, True), (2, True)):
        objects = (await house.model(version))["objects"]
        assert (objects["checkpoint"]["removed_at"] is None) == kept
        assert objects["model"]["removed_at"] is None, "every version can still be looked at and exported"
    assert await gone(stores, WEEK) == [], "there is nothing more to take"
    touched = await house.rows("select updated_at from public.projects where id = %s", house.project["id"])
    assert (datetime.now(UTC) - touched[0]["updated_at"]).days >= 8, "taking things away is no use of a project"


async def test_views_of_a_generate_without_a_kept_version_go(house: House, stores: Stores, folder: Path) -> None:
    first = await three_versions(house, folder)
    second = await another_generate(house, folder, 3)
    await make_older(house, 8)
    await gone(stores, WEEK)
    rows = await house.rows(
        "select run_id, kind, removed_at from public.artifacts where project_id = %s"
        " and kind in ('view', 'cameras', 'sparse_points')",
        house.project["id"],
    )
    assert {row["removed_at"] is None for row in rows if row["run_id"] == second["id"]} == {True}
    assert {row["removed_at"] is None for row in rows if row["run_id"] == first["id"]} == {False}


async def another_generate(house: House, folder: Path, version: int) -> dict[str, object]:
    run = await house.started("generate")
    keeper = await Keeper.open(house.pool, house.objects, run, folder)
    await keeper.keep(views_record(Folder(folder)))
    await keeper.keep(model_record(Folder(folder), version))
    await house.finish(run)
    return run


class _KilledError(Exception):
    """The process ends here."""


async def test_killed_in_between_it_goes_on(
    house: House, stores: Stores, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time after the first call of the Storage API that removed something."""
    await three_versions(house, folder)
    await make_older(house, 31)
    monkeypatch.setattr(collecting, "BATCH", 3)
    remove, kills = Objects.remove, 0

    async def remove_and_die(self: Objects, bucket: str, keys: Iterable[str]) -> int:
        if removed := await remove(self, bucket, keys):
            raise _KilledError
        return removed

    monkeypatch.setattr(Objects, "remove", remove_and_die)
    while True:
        try:
            await gone(stores, MONTH)
            break
        except _KilledError:
            kills += 1
            if await objects_of(house):
                assert await exists(house), "nothing is forgotten while an object remains"
    assert kills > 3
    assert await objects_of(house) == {} and not await exists(house)


async def test_what_is_in_use_is_spared(house: House, stores: Stores) -> None:
    """Each project is old, but for one thing."""
    busy, shared, lent, touched = [await another_project(house, name) for name in ("busy", "shared", "lent", "touched")]
    await busy.queue("generate", {}, busy.project)
    async with house.pool.connection() as conn:
        for one, expires in ((shared, None), (lent, datetime(2020, 1, 1, tzinfo=UTC))):
            link = {"title": "x", "version": None, "allow_download": False, "expires_at": expires}
            await shares.create(conn, one.project["id"], **link)  # type: ignore[arg-type]
    for one in (busy, shared, lent, touched):
        await store(one, "depth_map")
        await make_older(one, 31)
    async with house.pool.connection() as conn:
        await conn.execute(
            "update public.projects set name = 'renamed', updated_at = now() where id = %s", [touched.project["id"]]
        )
    removed = await gone(stores, Terms(30, 7))
    assert {one.project_id: one.what for one in removed} == {
        lent.project["id"]: "project",  # its link has expired
        shared.project["id"]: "intermediates",  # visitors look at the model only
    }
    assert [await exists(one) for one in (busy, shared, lent, touched)] == [True, True, False, True]
    assert "depth_map" in await kinds_left(busy) and "depth_map" in await kinds_left(touched)


async def test_a_step_called_meanwhile_saves_its_project(
    house: House, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the moment it was found and the moment its lock was got."""
    await store(house, "depth_map")
    await make_older(house, 31)
    entries = Objects.entries

    async def called(self: Objects, bucket: str, prefix: str) -> AsyncIterator[Entry]:
        if not await house.rows("select 1 from public.runs where project_id = %s", house.project["id"]):
            await house.queue("generate", {})
        async for entry in entries(self, bucket, prefix):
            yield entry

    monkeypatch.setattr(Objects, "entries", called)
    assert await gone(stores, MONTH) == []
    assert await exists(house) and "depth_map" in await kinds_left(house)


async def test_nothing_goes_by_itself(house: House, stores: Stores) -> None:
    await store(house, "depth_map")
    await make_older(house, 3000)
    assert await gone(stores, Terms(0, 0)) == []
    assert await exists(house)

"""Objects without rows and rows without objects are found, both ways, and nothing that is on its way is touched."""

from __future__ import annotations

from uuid import uuid4

from tests.execution.house import House
from tests.retention.lived_in import another_project, everything, make_objects_older, objects_of, store

from maquette.retention import orphans as module
from maquette.retention.orphans import find_orphans
from maquette.retention.removed import Removed, Stores
from maquette.storage.buckets import DEPTH_MAPS


async def orphans(stores: Stores, *, delete: bool = False) -> list[Removed]:
    return [one async for one in find_orphans(stores, delete=delete)]


async def marked(house: House) -> set[str]:
    rows = await house.rows(
        "select path from public.artifacts where project_id = %s and removed_at is not null", house.project["id"]
    )
    return {row["path"] for row in rows}


async def test_nothing_is_missing_where_nothing_is(house: House, stores: Stores) -> None:
    await store(house, "depth_map")
    await make_objects_older(house, 2)
    before = await everything(house)
    assert await orphans(stores, delete=True) == []
    assert await everything(house) == before


async def test_objects_without_rows(house: House, stores: Stores) -> None:
    known = await store(house, "depth_map")
    strays = {await store(house, "depth_map", name=f"attempt.{n}/depth/0000", recorded=False) for n in (1, 2)}
    strays.add(await store(house, "export", name="models/v0/attempt.1/model", recorded=False))
    assert await orphans(stores, delete=True) == [], "as young as that they may be on their way"
    await make_objects_older(house, 1.1)
    young = await store(house, "depth_map", name="attempt.3/depth/0000", recorded=False)

    [found] = await orphans(stores)
    assert (found.what, found.objects, found.bytes) == ("objects without rows", 3, 30)
    assert strays < set().union(*(await objects_of(house)).values()), "only reported"
    assert await orphans(stores, delete=True) == [found]
    assert set().union(*(await objects_of(house)).values()) == {known, young}
    assert await orphans(stores, delete=True) == []


async def test_a_folder_whose_project_is_gone(house: House, stores: Stores) -> None:
    late = await another_project(house)
    await store(late, "depth_map", recorded=False)
    await make_objects_older(late, 2)
    async with house.pool.connection() as conn:
        await conn.execute("delete from public.projects where id = %s", [late.project["id"]])
    [found] = await orphans(stores, delete=True)
    assert (found.project_id, found.why, found.objects) == (late.project["id"], "the project is gone", 1)
    assert await objects_of(late) == {}


async def test_what_is_not_ours_is_left_alone(house: House, stores: Stores) -> None:
    """Somebody may keep other things in a bucket of the same name."""
    foreign = (f"{uuid4()}".upper(), "notes")
    house.settings.home.mkdir(parents=True, exist_ok=True)
    path = house.settings.home / "x"
    path.write_bytes(b"x")
    for name in foreign:
        await house.objects.upload(DEPTH_MAPS, f"{name}/x.png", path, "image/png")
        await make_objects_older(house, 100, prefix=name)
    assert await orphans(stores, delete=True) == []
    assert all([await house.objects.exists(DEPTH_MAPS, f"{name}/x.png") for name in foreign])


async def test_rows_without_objects(house: House, stores: Stores) -> None:
    lost, there = await store(house, "depth_map", name="lost"), await store(house, "depth_map", name="there")
    other = await store(house, "export", name="also-lost")
    await house.objects.remove(DEPTH_MAPS, [lost])
    await house.objects.remove("3d-models", [other])

    [found] = await orphans(stores)
    assert (found.what, found.objects, found.bytes) == ("rows without objects", 2, 20)
    assert await marked(house) == set(), "only reported"
    assert await orphans(stores, delete=True) == [found]
    assert await marked(house) == {lost, other}
    assert await orphans(stores) == [], "what is known to be gone is not missed"

    # The same photo sent again comes to the same key: it is there again.
    assert await store(house, "depth_map", name="lost") == lost
    assert await marked(house) == {other}
    assert await house.objects.exists(DEPTH_MAPS, there)


async def test_an_object_that_was_cut_short(house: House, stores: Stores) -> None:
    key = await store(house, "depth_map")
    half = house.settings.home / "half"
    half.write_bytes(b"01234")
    await house.objects.upload(DEPTH_MAPS, key, half, "image/png")
    [found] = await orphans(stores, delete=True)
    assert (found.what, found.objects, found.bytes) == ("objects of a wrong size", 1, 5)
    assert await house.objects.exists(DEPTH_MAPS, key), "a person shall look at it"


async def test_an_object_that_came_back_while_others_went_is_spared(house: House, stores: Stores) -> None:
    """A stray of long ago is written again, by the same photo, just before it would go: its age is asked twice."""
    key = await store(house, "depth_map", recorded=False)
    await make_objects_older(house, 2)
    found = await module._compare(stores, house.project["id"], DEPTH_MAPS, listed=True)
    assert set(found.strays) == {key}
    # Its row is not there yet: objects come first.
    await store(house, "depth_map", recorded=False)
    await module._mend(stores, house.project["id"], found)
    assert await house.objects.exists(DEPTH_MAPS, key)

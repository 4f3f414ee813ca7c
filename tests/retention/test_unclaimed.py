"""Large files that were sent and not taken in go after their day, whatever days are set."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from tests.execution.house import House

from maquette.db import incoming
from maquette.queue.jobs import open_app
from maquette.retention.removed import Removed
from maquette.retention.unclaimed import remove_unclaimed
from maquette.storage.buckets import PROJECT_UPLOADS
from maquette.storage.keys import incoming as incoming_key
from maquette.worker.carrying import Carrying
from maquette.worker.loop import _register
from maquette.worker.services import open_services


async def announced(house: House, *, sent: bool, age: timedelta) -> UUID:
    """A file of ten bytes that is to come, or has come."""
    async with house.pool.connection() as conn:
        row = await incoming.announce(conn, house.project["id"], "walk.mp4", 10)
        await conn.execute(
            "update maquette.incoming_files set expires_at = expires_at - %s where id = %s", [age, row["id"]]
        )
    if sent:
        path = house.settings.home / "given"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"0123456789")
        await house.objects.upload(PROJECT_UPLOADS, incoming_key(house.project["id"], row["id"]), path, "video/mp4")
    identifier: UUID = row["id"]
    return identifier


async def left(house: House) -> tuple[set[UUID], set[str]]:
    rows = await house.rows("select id from maquette.incoming_files where project_id = %s", house.project["id"])
    prefix = f"{house.project['id']}/incoming"
    return {row["id"] for row in rows}, {key async for key in house.objects.walk(PROJECT_UPLOADS, prefix)}


async def removed(house: House, *, dry_run: bool = False) -> list[Removed]:
    return [one async for one in remove_unclaimed(house.pool, house.objects, dry_run=dry_run)]


async def test_their_day_over_they_go(house: House) -> None:
    old, young = timedelta(hours=25), timedelta(hours=23)
    over = await announced(house, sent=True, age=old)
    await announced(house, sent=False, age=old)
    fresh = await announced(house, sent=True, age=young)
    before = await left(house)
    told = [("unclaimed files", house.project["id"], 1, 10)]
    assert [(one.what, one.project_id, one.objects, one.bytes) for one in await removed(house, dry_run=True)] == told
    assert await left(house) == before
    async with house.pool.connection() as conn:
        await incoming.hold(conn, [over])
        assert await removed(house) == [], "an upload is taking it in"
    assert [(one.what, one.project_id, one.objects, one.bytes) for one in await removed(house)] == told
    assert await left(house) == ({fresh}, {incoming_key(house.project["id"], fresh)})


async def test_workers_do_it_by_the_clock_where_no_days_are_set(house: House) -> None:
    await announced(house, sent=True, age=timedelta(hours=25))
    app = open_app(house.connections.database_url)
    services = await open_services(house.settings, house.pool, house.objects, concurrency=1)
    _register(app, services, Carrying(services), 15.0)
    await app.tasks["collect"](timestamp=int(datetime.now().timestamp()))
    assert await left(house) == (set(), set())

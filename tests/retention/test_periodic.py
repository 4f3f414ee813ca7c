"""However many workers ask, one of them collects, once a day."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
from storage3 import AsyncStorageClient
from tests.execution.house import House
from tests.retention.lived_in import make_older, store

from maquette.queue.jobs import open_app
from maquette.retention.periodic import collect_when_due
from maquette.settings import Settings
from maquette.worker.carrying import Carrying
from maquette.worker.loop import _register
from maquette.worker.services import open_services


def keeping(house: House, **days: int) -> Settings:
    return house.settings.model_copy(update=days)


async def test_ten_workers_collect_once(house: House) -> None:
    await store(house, "depth_map")
    await make_older(house, 31)
    settings = keeping(house, retention_days=30)
    did = await asyncio.gather(*(collect_when_due(house.pool, house.objects, settings) for _ in range(4)))
    assert sorted(did) == [False, False, False, True]
    assert await house.rows("select 1 from public.projects where id = %s", house.project["id"]) == []
    assert not await collect_when_due(house.pool, house.objects, settings), "for today it is done"
    async with house.pool.connection() as conn:
        await conn.execute("update public.installation set collected_at = collected_at - interval '24 hours'")
    assert await collect_when_due(house.pool, house.objects, settings)


async def test_a_worker_has_it_among_what_it_does_by_the_clock(house: House) -> None:
    await store(house, "depth_map")
    await make_older(house, 31)
    services = await open_services(keeping(house, retention_days=30), house.pool, house.objects, concurrency=1)
    app = open_app(house.connections.database_url)
    _register(app, services, Carrying(services), 15.0)
    assert ("collect", "") in app.periodic_registry.periodic_tasks
    await app.tasks["collect"](timestamp=0)
    assert await house.rows("select 1 from public.projects where id = %s", house.project["id"]) == []


async def test_without_days_nobody_collects(house: House) -> None:
    assert not await collect_when_due(house.pool, house.objects, keeping(house))
    [noted] = await house.rows("select collected_at from public.installation")
    assert noted["collected_at"] is None


async def test_a_collection_that_lost_the_storage_is_due_again(house: House) -> None:
    await store(house, "depth_map")
    await make_older(house, 31)
    settings = keeping(house, retention_days=30)
    nowhere = httpx.AsyncClient(transport=httpx.MockTransport(_refuse))
    lost = replace(house.objects, storage=AsyncStorageClient("http://127.0.0.1:1/storage/v1/", {}, http_client=nowhere))
    assert not await collect_when_due(house.pool, lost, settings)
    assert await collect_when_due(house.pool, house.objects, settings)


def _refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody there", request=request)

"""An installation of its own: a collection looks at every project there is, those of other tests too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.conftest import fresh_stack, served_storage
from tests.execution.conftest import folder, saved_scene
from tests.execution.house import House, house_of

from maquette.retention.removed import Stores
from maquette.settings import Connections

__all__ = ["folder", "saved_scene"]


@pytest.fixture(scope="session")
def installation() -> Iterator[Connections]:
    with fresh_stack() as stack, served_storage(stack) as connections:
        yield connections


@pytest.fixture
async def house(installation: Connections, tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(installation, tmp_path / "home") as house:
        # Of earlier tests nothing stays that would count as expired or lost.
        async with house.pool.connection() as conn:
            await conn.execute("delete from public.projects where id <> %s", [house.project["id"]])
            await conn.execute("update public.installation set collected_at = null")
        for bucket in await house.objects.bucket_names():
            for name in await house.objects.folders(bucket):
                await house.objects.remove_prefix(bucket, name)
        yield house


@pytest.fixture
def stores(house: House) -> Stores:
    return Stores(house.pool, house.objects, house.settings.home)

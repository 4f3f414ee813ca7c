"""Lists of objects with their sizes and ages, and of the folders at a bucket's top."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from maquette.settings import Connections
from maquette.storage.buckets import DEPTH_MAPS
from maquette.storage.client import Objects


async def test_sizes_and_ages_on_every_level(storage: Connections, tmp_path: Path) -> None:
    top = str(uuid4())
    sizes = {f"{top}/a.png": 3, f"{top}/x/b.png": 0, f"{top}/x/y/c.png": 70_000}
    async with Objects.open(storage) as objects:
        for key, size in sizes.items():
            (tmp_path / "file").write_bytes(b"x" * size)
            await objects.upload(DEPTH_MAPS, key, tmp_path / "file", "image/png")
        found = {entry.key: entry async for entry in objects.entries(DEPTH_MAPS, f"{top}/")}
        assert {key: entry.bytes for key, entry in found.items()} == sizes
        # Database and tests share a clock here.
        assert all(abs(datetime.now(UTC) - entry.changed_at) < timedelta(hours=1) for entry in found.values())
        folders = await objects.folders(DEPTH_MAPS)
        assert folders.count(top) == 1 and not any("/" in name for name in folders)
        await objects.remove_prefix(DEPTH_MAPS, top)
        assert top not in await objects.folders(DEPTH_MAPS)

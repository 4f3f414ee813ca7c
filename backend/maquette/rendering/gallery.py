"""Pictures of stored models on demand: from the cache, or drawn from objects that are fetched from their buckets."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4
from weakref import WeakValueDictionary

from maquette.recon.digest import sha256_of
from maquette.rendering.cache import Cache, renders_of
from maquette.rendering.errors import RenderBusyError, StoredObjectDamagedError
from maquette.rendering.jobs import Job, Look
from maquette.rendering.pictures import Picture, read_picture_file
from maquette.rendering.renderer import Limits, Renderer
from maquette.settings import Settings
from maquette.storage.client import Objects

EDITION = 1
"""Counts up when the same order gives another picture; older ones are not asked for again."""

ATTEMPTS = 3
"""Another process may take a file out of the cache between its fetch and its use."""


@dataclass(frozen=True)
class Stored:
    """An object of a bucket, with what its record says of its contents."""

    bucket: str
    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Order:
    """A picture to be had: of which model, beside which photo, how."""

    project_id: UUID
    model: Stored
    photo: Stored | None
    look: Look

    @property
    def key(self) -> str:
        """SHA-256 over all that decides what the picture shows."""
        photo = self.photo.sha256 if self.photo else None
        whole = {"edition": EDITION, "model": self.model.sha256, "photo": photo, "look": self.look.model_dump()}
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


class Gallery:
    """Where pictures are had. Make one with :meth:`running`."""

    def __init__(self, cache: Cache, objects: Objects, renderer: Renderer) -> None:
        self.cache = cache
        self.renderer = renderer
        self._objects = objects
        self._fetches: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()
        self._fetching = 0

    @classmethod
    @asynccontextmanager
    async def running(cls, settings: Settings, objects: Objects) -> AsyncIterator[Gallery]:
        """A gallery for as long as the block lasts."""
        cache = Cache(renders_of(settings.home), settings.render_cache_mb * 1024 * 1024)
        await asyncio.to_thread(cache.make_room)
        async with Renderer.running(Limits(memory_mb=settings.render_memory_mb)) as renderer:
            yield cls(cache, objects, renderer)

    async def picture(self, order: Order) -> Picture:
        """The picture. Raises what :meth:`Renderer.draw` does, ``object_missing`` or ``object_damaged``."""
        path = self.cache.picture(order.project_id, order.key)
        for _ in range(ATTEMPTS):
            found = await asyncio.to_thread(self._read, path)
            if found is not None:
                return found
            model = await self._fetched(order.project_id, order.model)
            photo = await self._fetched(order.project_id, order.photo) if order.photo else None
            if await self.renderer.draw(Job(look=order.look, model=model, photo=photo, to=path)):
                await asyncio.to_thread(self.cache.added, path)
        found = await asyncio.to_thread(self._read, path)
        if found is None:
            raise RenderBusyError("what is fetched for this one is pushed out of the cache at once")
        return found

    async def forget(self, project_id: UUID) -> None:
        """Remove what is kept of a project."""
        await asyncio.to_thread(self.cache.forget, project_id)

    def _read(self, path: Path) -> Picture | None:
        if not self.cache.use(path):
            return None
        picture = read_picture_file(path)
        if picture is None:
            path.unlink(missing_ok=True)
        return picture

    async def _fetched(self, project_id: UUID, stored: Stored) -> Path:
        """A file with the object's contents, fetched once however many ask."""
        path = self.cache.stored_object(project_id, stored.sha256, Path(stored.path).suffix)
        if await asyncio.to_thread(self.cache.use, path):
            return path
        if self._fetching >= self.renderer.limits.most_waiting:
            raise RenderBusyError(f"{self._fetching} wait for their models already")
        self._fetching += 1
        try:
            async with self._fetches.setdefault(path, asyncio.Lock()):
                if not await asyncio.to_thread(self.cache.use, path):
                    await self._fetch(stored, path)
        finally:
            self._fetching -= 1
        await asyncio.to_thread(self.cache.added, path)
        return path

    async def _fetch(self, stored: Stored, path: Path) -> None:
        arriving = path.with_name(f".{uuid4().hex}{path.suffix}")
        try:
            await self._objects.download(stored.bucket, stored.path, arriving)
            if await asyncio.to_thread(sha256_of, arriving) != stored.sha256:
                raise StoredObjectDamagedError(stored.path)
            arriving.replace(path)
        finally:
            arriving.unlink(missing_ok=True)

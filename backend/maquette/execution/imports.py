"""Makes a project of a bundle: new ids, new keys, objects first and then all rows at once, or nothing.

A kill in between leaves objects of a project that no row knows, which ``maquette gc --delete-orphans`` removes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

from maquette.db import bundles
from maquette.db.rows import Connection, Row
from maquette.errors import MaquetteError
from maquette.execution.bundle_rows import Renewed, renew
from maquette.execution.patience import few_at_a_time
from maquette.recon.bundle import Bundle
from maquette.storage.buckets import BUCKETS
from maquette.storage.client import Objects
from maquette.storage.keys import project_prefix

log = logging.getLogger(__name__)

PARALLEL_UPLOADS = 4


@dataclass(frozen=True)
class Coming:
    """A project that is about to be: its id, its rows under their new ids, and where its objects go."""

    project_id: UUID
    rows: Renewed
    told: Row
    """What the event of the import tells."""

    @property
    def bytes(self) -> int:
        """What its objects will take in storage."""
        return sum(place.bytes for place in self.rows.places)

    @property
    def photos(self) -> int:
        """Photos that can be used and count."""
        images = self.rows.tables.get("source_images", [])
        return sum(one.get("verdict") != "rejected" and one.get("replaced_at") is None for one in images)


async def settle(conn: Connection, bundle: Bundle) -> Coming:
    """Check the rows of a bundle and give them new ids. Raises ``bundle_newer`` or ``bundle_unreadable``."""
    known, schema = await bundles.columns(conn), await bundles.newest_migration(conn)
    project_id = uuid4()
    rows = await asyncio.to_thread(renew, bundle.manifest, project_id, known, schema)
    manifest = bundle.manifest
    told = {
        "generator": manifest.generator[:100],
        "made_at": manifest.made_at[:40],
        "light": manifest.light,
        "from_project_id": str(manifest.project.get("id"))[:40],
        "versions": len(rows.tables.get("gaussian_splat_models", [])),
        "objects": len(rows.places),
        "bytes": sum(place.bytes for place in rows.places),
    }
    return Coming(project_id, rows, told)


@asynccontextmanager
async def in_place(objects: Objects, bundle: Bundle, coming: Coming, folder: Path) -> AsyncIterator[None]:
    """The objects are in their buckets while the block runs, and gone again where it raises.

    All hashes are read before the first object is stored; ``folder`` holds a few objects at a time.
    Raises ``bundle_unreadable``, and what storage refuses.
    """
    await asyncio.to_thread(bundle.verify)
    places = defaultdict(list)
    for place in coming.rows.places:
        places[place.sha256].append(place)

    async def store(digest: str) -> None:
        path = folder / digest
        await asyncio.to_thread(bundle.take, digest, path)
        try:
            for place in places[digest]:
                await objects.upload(place.bucket, place.key, path, place.mime)
        finally:
            path.unlink(missing_ok=True)

    try:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        await few_at_a_time([partial(store, digest) for digest in places], PARALLEL_UPLOADS)
        yield
    except BaseException:
        await asyncio.shield(_remove(objects, coming.project_id))
        raise


async def write(conn: Connection, owner_id: UUID, coming: Coming) -> Row:
    """All rows, in the transaction of the caller; the project's own. Raises ``bundle_unreadable`` or ``owner_gone``."""
    project = {"id": coming.project_id, **coming.rows.project}
    return await bundles.write_tables(conn, owner_id, project, coming.rows.tables, coming.told)


async def _remove(objects: Objects, project_id: UUID) -> None:
    """Why the import failed matters more than what of it stays: gc finds that."""
    try:
        for bucket in BUCKETS:
            await objects.remove_prefix(bucket, project_prefix(project_id))
    except MaquetteError as error:
        log.warning("objects of the import %s stay (%s)", project_id, error.code)

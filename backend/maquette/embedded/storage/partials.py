"""Unfinished uploads on disk: what is known about each, and the bytes that came so far.

`<root>/.resumable/<id>.json` and `<id>.bytes`, the id being the version that the object will have. How far an upload
is, is the size of its bytes, so a kill cannot make it wrong (nor a power loss: the file systems in use let a file grow
on disk only with its data). The record of a finished upload stays until it expires, so that a client that missed the
last answer learns that it is done.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

from maquette.embedded.storage.files import CHUNK, FileStore, Incoming, Stored, new_digest, sync_folder

FOLDER = ".resumable"
LIFETIME_S = 24 * 3600

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Partial:
    """One upload: where it goes, as whom, how many bytes it will have. Times are Unix seconds."""

    bucket: str
    key: str
    length: int
    mime: str
    cache_control: str
    user_metadata: dict[str, Any] | None
    described: str
    """The client's own Upload-Metadata, to be answered as it came."""
    role: str
    owner: str | None
    signed: bool
    upsert: bool
    id: str
    created_at: float
    finished: bool = False

    @property
    def expires_at(self) -> float:
        """From then on nobody can go on with it."""
        return self.created_at + LIFETIME_S


class Partials:
    """The folder of them. One request at a time works on an upload: see holds.py."""

    def __init__(self, files: FileStore) -> None:
        self._files = files
        self._root = files.root / FOLDER
        self._root.mkdir(mode=0o700, exist_ok=True)
        # A digest cannot be stored; it lives as long as the server, and is made anew from the bytes after that.
        self._digests: dict[str, tuple[hashlib._Hash, int]] = {}

    async def write(self, partial: Partial) -> None:
        """Write an upload's record down, whole or not at all."""
        await self._files.run(_write, self._record(partial.id), json.dumps(asdict(partial)))

    async def find(self, upload: str) -> Partial | None:
        """An upload's record, expired or not; None where there is none."""
        return await self._files.run(self._read, upload) if _ID.fullmatch(upload) else None

    async def offset(self, partial: Partial) -> int:
        """How many bytes are here."""
        return partial.length if partial.finished else await self._files.run(_size, self._bytes(partial.id))

    async def open(self, partial: Partial, offset: int) -> Incoming:
        """The upload's file, to write on at its end."""
        path = self._bytes(partial.id)
        file = await self._files.run(_open_to_append, path)
        digest, hashed = self._digests.pop(partial.id, (new_digest(), 0))
        if hashed != offset:
            digest = await self._files.run(_digest_of, path)
        return Incoming(self._files, path, file, digest, offset)

    async def pause(self, partial: Partial, incoming: Incoming) -> Stored:
        """What came is on disk now; more may come with another request."""
        stored = await incoming.complete()
        self._digests[partial.id] = (incoming.digest, incoming.size)
        return stored

    async def stored(self, partial: Partial) -> Stored:
        """The file of an upload whose bytes are all here."""
        return await self.pause(partial, await self.open(partial, partial.length))

    async def finish(self, partial: Partial) -> None:
        """The object is there: only the record stays."""
        self._digests.pop(partial.id, None)
        await self.write(replace(partial, finished=True))
        await self._files.run(_unlink, self._bytes(partial.id))

    async def discard(self, upload: str) -> None:
        """Forget an upload and its bytes."""
        self._digests.pop(upload, None)
        # The record last: bytes without one would look like nobody's until the next sweep.
        for path in (self._bytes(upload), _half_written(self._record(upload)), self._record(upload)):
            await self._files.run(_unlink, path)

    def dead(self, now: float, older_than_s: float) -> list[str]:
        """Ids of uploads that expired or were left in pieces. Blocking: for :meth:`FileStore.run`."""
        seen: dict[str, float] = {}
        with os.scandir(self._root) as entries:
            for entry in entries:
                name = entry.name.split(".")[0]
                seen[name] = max(seen.get(name, 0.0), entry.stat().st_mtime)
        return [name for name, changed_at in seen.items() if self._is_dead(name, changed_at, now, older_than_s)]

    def _is_dead(self, name: str, changed_at: float, now: float, older_than_s: float) -> bool:
        partial = self._read(name)
        return changed_at < now - older_than_s if partial is None else partial.expires_at < now

    def _read(self, upload: str) -> Partial | None:
        try:
            return Partial(**json.loads(self._record(upload).read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            return None  # Written by another version of this program: nobody can go on with it.

    def _record(self, upload: str) -> Path:
        return self._root / f"{upload}.json"

    def _bytes(self, upload: str) -> Path:
        return self._root / f"{upload}.bytes"


def new_identity() -> dict[str, Any]:
    """An id and a time for a new upload."""
    return {"id": str(uuid4()), "created_at": time.time()}


def _half_written(record: Path) -> Path:
    return record.with_suffix(".partial")


def _write(path: Path, text: str) -> None:
    partial = _half_written(path)
    with partial.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _open_to_append(path: Path) -> BinaryIO:
    return path.open("ab", buffering=0)


def _digest_of(path: Path) -> hashlib._Hash:
    digest = new_digest()
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            digest.update(data)
    return digest


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)

"""The files behind the objects: `<root>/<bucket>/<key>/<version>`.

A version's file is complete on disk before a row names it and never changes after: replacing an object writes another
version. So a crash at any moment leaves at worst a file that no row names.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar
from uuid import uuid4

import anyio
import anyio.to_thread

T = TypeVar("T")

INCOMING = ".incoming"
CHUNK = 1 << 20


@dataclass(frozen=True)
class Stored:
    """A file on its way in: complete, on disk, not yet named by a row."""

    path: Path
    size: int
    etag: str


class FileStore:
    """One folder of files, and the threads that touch them.

    The threads are its own: handlers of the same process that wait for this service, and so hold the common
    threads, can never be what it waits for.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._threads = anyio.CapacityLimiter(16)
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        # What a killed server had half received.
        shutil.rmtree(self.root / INCOMING, ignore_errors=True)
        (self.root / INCOMING).mkdir(mode=0o700)

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Do blocking file work in a thread of ours."""
        return await anyio.to_thread.run_sync(function, *arguments, limiter=self._threads)

    def path(self, bucket: str, key: str, version: str) -> Path:
        """Where a version lies; never outside the root, whatever the names are."""
        path = self.root.joinpath(bucket, key, version)
        if not Path(os.path.normpath(path)).is_relative_to(self.root / bucket) or bucket in ("", ".", ".."):
            raise ValueError(f"{bucket}/{key} is no path inside the store")
        return path

    async def receive(self) -> Incoming:
        """A new file to write into."""
        path = self.root / INCOMING / uuid4().hex
        return Incoming(self, path, await self.run(_create, path))

    async def place(self, stored: Stored, bucket: str, key: str, version: str) -> None:
        """Move a complete file to its place, durably."""
        await self.run(_into_place, os.replace, stored.path, self.path(bucket, key, version))

    async def link(self, source: tuple[str, str, str], target: tuple[str, str, str]) -> None:
        """The same bytes under another name; :class:`FileNotFoundError` where the source is gone."""
        await self.run(_into_place, _link_or_copy, self.path(*source), self.path(*target))

    async def open(self, bucket: str, key: str, version: str) -> BinaryIO:
        """An open file, which stays readable even if the object is deleted meanwhile."""
        return await self.run(_open, self.path(bucket, key, version))

    async def remove(self, bucket: str, key: str, version: str) -> None:
        """Delete a version and the folders it leaves empty."""
        await self.run(_remove, self.path(bucket, key, version), self.root / bucket)


class Incoming:
    """A file being received: hashed while written, in pieces of a megabyte."""

    def __init__(self, store: FileStore, path: Path, file: BinaryIO) -> None:
        self.size = 0
        self._store = store
        self._path = path
        self._file = file
        self._waiting = bytearray()
        # An ETag, as S3 makes it; nothing is protected by it.
        self._digest = hashlib.md5(usedforsecurity=False)

    async def write(self, data: bytes) -> None:
        """Take some bytes."""
        self.size += len(data)
        self._waiting += data
        if len(self._waiting) >= CHUNK:
            await self._flush()

    async def complete(self) -> Stored:
        """Everything came: make it durable."""
        await self._flush()
        await self._store.run(_sync_and_close, self._file)
        return Stored(self._path, self.size, f'"{self._digest.hexdigest()}"')

    async def discard(self) -> None:
        """Forget it; does nothing to a file that was placed already."""
        with anyio.CancelScope(shield=True):
            await self._store.run(self._file.close)
            await self._store.run(lambda: self._path.unlink(missing_ok=True))

    async def _flush(self) -> None:
        data, self._waiting = self._waiting, bytearray()
        await self._store.run(self._write_through, data)

    def _write_through(self, data: bytearray) -> None:
        self._digest.update(data)
        left = memoryview(data)
        while left:
            # An unbuffered file may take less than it is given.
            left = left[self._file.write(left) :]


def _create(path: Path) -> BinaryIO:
    return path.open("xb", buffering=0)


def _open(path: Path) -> BinaryIO:
    return path.open("rb", buffering=0)


def _sync_and_close(file: BinaryIO) -> None:
    os.fsync(file.fileno())
    file.close()


def _into_place(how: Callable[[Path, Path], None], source: Path, target: Path) -> None:
    made = [folder for folder in target.parents if not folder.exists()]
    while True:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            how(source, target)
            break
        except FileNotFoundError:
            # Another removal may have tidied the empty folder away just now; a missing source is final.
            if not source.exists():
                raise
    # A name is on disk when its folder is; that goes for new folders too.
    for folder in {target.parent, *(new.parent for new in made)}:
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP):
            raise
        partial = target.with_name(f"{target.name}.partial")
        with source.open("rb") as here, partial.open("xb") as there:
            shutil.copyfileobj(here, there, CHUNK)
            there.flush()
            os.fsync(there.fileno())
        partial.replace(target)


def _remove(path: Path, stop: Path) -> None:
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder == stop or not folder.is_relative_to(stop):
            return
        try:
            folder.rmdir()
        except OSError:
            return  # Something else lies there, or somebody tidied it first.

"""The files behind the objects: `<root>/<bucket>/<key>/<version>`.

A version's file is complete on disk before a row names it and never changes after: replacing an object writes another
version. So a crash at any moment leaves at worst a file that no row names, which sweeping.py takes away.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar
from uuid import uuid4

import anyio
import anyio.to_thread

T = TypeVar("T")

INCOMING = ".incoming"
CHUNK = 1 << 20

# What place() and link() name files; whatever else lies in the folder is not ours to judge.
_VERSION = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.partial)?")


@dataclass(frozen=True)
class Stored:
    """A file on its way in: complete, on disk, not yet named by a row."""

    path: Path
    size: int
    etag: str


@dataclass(frozen=True)
class Placed:
    """A version's file as it lies on disk. ``changed_at`` is Unix seconds of its last write, link or rename."""

    bucket: str
    key: str
    version: str
    size: int
    changed_at: float


class FileStore:
    """One folder of files, and the threads that touch them.

    The threads are its own: handlers of the same process that wait for this service, and so hold the common
    threads, can never be what it waits for.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._threads = anyio.CapacityLimiter(16)
        self._receiving: set[Path] = set()
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
        incoming = Incoming(self, path, await self.run(_create, path))
        self._receiving.add(path)
        return incoming

    def forget(self, path: Path) -> None:
        """A file of :meth:`receive` is received no more."""
        self._receiving.discard(path)

    async def place(self, stored: Stored, bucket: str, key: str, version: str) -> None:
        """Move a complete file to its place, durably."""
        await self.run(_into_place, os.replace, stored.path, self.path(bucket, key, version))

    async def adopt(self, stored: Stored, bucket: str, key: str, version: str) -> None:
        """Give a complete file its place too and leave it where it is; again is no error."""
        try:
            await self.run(_into_place, _link_or_copy, stored.path, self.path(bucket, key, version))
        except FileExistsError:
            return  # Done before a crash. A version is one upload, so the bytes are the same.

    async def link(self, source: tuple[str, str, str], target: tuple[str, str, str]) -> None:
        """The same bytes under another name; :class:`FileNotFoundError` where the source is gone."""
        await self.run(_into_place, _link_or_copy, self.path(*source), self.path(*target))

    async def open(self, bucket: str, key: str, version: str) -> BinaryIO:
        """An open file, which stays readable even if the object is deleted meanwhile."""
        return await self.run(_open, self.path(bucket, key, version))

    async def remove(self, bucket: str, key: str, version: str) -> None:
        """Delete a version and the folders it leaves empty."""
        await self.run(_remove, self.path(bucket, key, version), self.root / bucket)

    def placed(self) -> Iterator[Placed]:
        """Every version's file, one folder at a time. Blocking: for :meth:`run`."""
        for bucket in sorted(self.root.iterdir()):
            if bucket.name.startswith(".") or not bucket.is_dir():
                continue
            for folder, _, names in os.walk(bucket):
                key = Path(folder).relative_to(bucket).as_posix()
                for name in filter(_VERSION.fullmatch, names):
                    try:
                        known = Path(folder, name).stat()
                    except FileNotFoundError:
                        continue  # Deleted since the folder was read.
                    # A link or a rename sets only ctime: an old file that was moved a moment ago counts as new.
                    yield Placed(bucket.name, key, name, known.st_size, max(known.st_mtime, known.st_ctime))

    def clear_incoming(self, before: float) -> int:
        """Delete what nobody receives any more, untouched since Unix time ``before``; how many. Blocking."""
        with os.scandir(self.root / INCOMING) as entries:
            old = [Path(entry) for entry in entries if entry.stat().st_mtime < before]
        dead = [path for path in old if path not in self._receiving]
        for path in dead:
            path.unlink(missing_ok=True)
        return len(dead)


def new_digest() -> hashlib._Hash:
    """Of the bytes of an object, for an ETag as S3 makes it; nothing is protected by it."""
    return hashlib.md5(usedforsecurity=False)


class Incoming:
    """A file being received: hashed while written, in pieces of a megabyte.

    ``digest`` and ``size`` tell of what the file holds already, where it goes on from an earlier request.
    """

    def __init__(
        self, store: FileStore, path: Path, file: BinaryIO, digest: hashlib._Hash | None = None, size: int = 0
    ) -> None:
        self.size = size
        self.digest = digest or new_digest()
        self._store = store
        self._path = path
        self._file = file
        self._waiting = bytearray()

    async def write(self, data: bytes) -> None:
        """Take some bytes."""
        self.size += len(data)
        self._waiting += data
        if len(self._waiting) >= CHUNK:
            await self._flush()

    async def complete(self) -> Stored:
        """Everything came, for now or for good: make it durable."""
        await self._flush()
        await self._store.run(_sync_and_close, self._file)
        return Stored(self._path, self.size, f'"{self.digest.hexdigest()}"')

    async def discard(self) -> None:
        """Forget it; does nothing to a file that was placed already."""
        with anyio.CancelScope(shield=True):
            self._store.forget(self._path)
            await self._store.run(self._file.close)
            await self._store.run(lambda: self._path.unlink(missing_ok=True))

    def mark(self) -> tuple[int, hashlib._Hash]:
        """Where the file is now, for :meth:`back_to`."""
        return self.size, self.digest.copy()

    async def back_to(self, mark: tuple[int, hashlib._Hash]) -> None:
        """Forget what came after a mark."""
        self.size, self.digest = mark
        self._waiting.clear()
        await self._store.run(os.ftruncate, self._file.fileno(), self.size)

    async def _flush(self) -> None:
        data, self._waiting = self._waiting, bytearray()
        await self._store.run(self._write_through, data)

    def _write_through(self, data: bytearray) -> None:
        self.digest.update(data)
        left = memoryview(data)
        while left:
            # An unbuffered file may take less than it is given.
            left = left[self._file.write(left) :]


def _create(path: Path) -> BinaryIO:
    return path.open("xb", buffering=0)


def _open(path: Path) -> BinaryIO:
    return path.open("rb", buffering=0)


def _sync_and_close(file: BinaryIO) -> None:
    with file:
        os.fsync(file.fileno())


def _into_place(how: Callable[[Path, Path], None], source: Path, target: Path) -> None:
    made = [folder for folder in target.parents if not folder.exists()]
    while True:
        _make_folder(target.parent)
        try:
            how(source, target)
            break
        except FileNotFoundError:
            # Another removal may have tidied the empty folder away just now; a missing source is final.
            if not source.exists():
                raise
    # A name is on disk when its folder is; that goes for new folders too.
    for folder in {target.parent, *(new.parent for new in made)}:
        sync_folder(folder)


def _make_folder(folder: Path) -> None:
    """Make a folder that another removal may be tidying away, or its parents, at this very moment."""
    while True:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return
        except FileNotFoundError:
            continue
        except FileExistsError:
            # mkdir looks whether it is a folder only after it has failed; it may be gone by then.
            if folder.exists() and not folder.is_dir():
                raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
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
        with source.open("rb") as here, partial.open("wb") as there:
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

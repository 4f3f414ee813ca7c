"""Reads a bundle that a stranger made: nothing of it is believed, and no name in it becomes a path.

All its files are stored uncompressed, so no more comes out of it than went in: a ZIP bomb cannot be one.
"""

from __future__ import annotations

import errno
import hashlib
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from maquette.recon.bundle.errors import BundleTooLargeError, BundleUnreadableError
from maquette.recon.bundle.manifest import MOST_BYTES, MOST_ROWS, SHA256, Manifest, read_manifest

CHUNK = 1 << 20
MANIFEST, OBJECTS = "manifest.json", "objects/"
WORDS = frozenset({"README.txt", "metrics.json"})
WORDS_BYTES = 2 * MOST_BYTES
LISTED_BYTES = 256
"""More than our names take in the list of files."""
_END, _LOCATOR, _END64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sLQL"), struct.Struct("<4sQ2H2L4Q")
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, OverflowError)


@dataclass(frozen=True)
class Bundle:
    """An open bundle whose list of files agrees with its manifest."""

    manifest: Manifest
    archive: zipfile.ZipFile

    def verify(self) -> None:
        """Read every object and compare its hash. Raises ``bundle_unreadable``."""
        for digest in self.manifest.objects:
            self._read(digest, None)

    def take(self, digest: str, to_path: Path) -> None:
        """Write one object to a file. Raises ``bundle_unreadable`` where it is another; the file is then gone."""
        try:
            self._read(digest, to_path)
        except BaseException:
            to_path.unlink(missing_ok=True)
            raise

    def _read(self, digest: str, to_path: Path | None) -> None:
        found, size = hashlib.sha256(), 0
        with _telling(), self.archive.open(f"{OBJECTS}{digest}") as source:
            target = None if to_path is None else to_path.open("wb")
            try:
                while chunk := source.read(CHUNK):
                    size += len(chunk)
                    found.update(chunk)
                    if target is not None:
                        target.write(chunk)
            finally:
                if target is not None:
                    target.close()
        if size != self.manifest.objects[digest] or found.hexdigest() != digest:
            raise BundleUnreadableError(f"the object {digest[:12]}… is not what its name says")


@contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Open a file that should be a bundle, for as long as the block lasts; hashes are :meth:`Bundle.verify`'s to read.

    Raises ``bundle_unreadable``, ``bundle_newer`` or ``bundle_too_large``.
    """
    _check_list(path)
    with _telling():
        opened = zipfile.ZipFile(path)
    with opened as archive:
        with _telling():
            sizes = _sizes(archive, path.stat().st_size)
            manifest = read_manifest(archive.read(MANIFEST))
        there = {name.removeprefix(OBJECTS): size for name, size in sizes.items() if name.startswith(OBJECTS)}
        if there != manifest.objects:
            raise BundleUnreadableError("its files are not those that its manifest lists")
        yield Bundle(manifest, archive)


def _check_list(path: Path) -> None:
    """Refuse a list of files that would not fit in memory, before it is read. APPNOTE.TXT 4.3.14 to 4.3.16.

    We write no comment, so the list's end is the file's, as :mod:`zipfile` looks for it first.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _END64.size - _LOCATOR.size - _END.size))
        tail = file.read()
    size = 0
    if len(tail) >= _END.size and tail[-_END.size :].startswith(b"PK\5\6"):
        size = _END.unpack(tail[-_END.size :])[5]
        if len(tail) == _END64.size + _LOCATOR.size + _END.size and tail[_END64.size :].startswith(b"PK\6\7"):
            size = _END64.unpack(tail[: _END64.size])[8]
    else:
        raise BundleUnreadableError("it is cut, or no ZIP of ours")
    if size > MOST_ROWS * LISTED_BYTES:
        raise BundleTooLargeError(
            f"The bundle lists more than the {MOST_ROWS} files that one may hold.",
            suggestion="Send the file as the export wrote it.",
        )


def _sizes(archive: zipfile.ZipFile, whole: int) -> dict[str, int]:
    """Bytes by name of a list of files in which everything is as a bundle has it."""
    entries = archive.infolist()
    if len(entries) > MOST_ROWS:
        raise BundleTooLargeError(
            f"The bundle lists {len(entries)} files where {MOST_ROWS} may be.",
            suggestion="Send the file as the export wrote it.",
        )
    sizes: dict[str, int] = {}
    for entry in entries:
        known = entry.filename in WORDS or entry.filename == MANIFEST or _is_object(entry.filename)
        if not known:
            raise BundleUnreadableError("it holds a file that no bundle has")
        if entry.filename in sizes:
            raise BundleUnreadableError("it holds a file twice")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 0x1:
            raise BundleUnreadableError("its files are compressed or encrypted, which a bundle's are not")
        if entry.compress_size != entry.file_size:
            raise BundleUnreadableError("its list of files is damaged")
        sizes[entry.filename] = entry.file_size
    if sum(sizes.values()) > whole:
        # Files that lie over each other: a few bytes that say they are many.
        raise BundleUnreadableError("its files are larger than it is")
    if MANIFEST not in sizes:
        raise BundleUnreadableError("it has no manifest")
    if sizes[MANIFEST] > MOST_BYTES or any(sizes.get(name, 0) > WORDS_BYTES for name in WORDS):
        raise BundleTooLargeError(
            f"The bundle's manifest is larger than {MOST_BYTES // 2**20} MiB.",
            suggestion="Send the file as the export wrote it.",
        )
    return sizes


def _is_object(name: str) -> bool:
    return name.startswith(OBJECTS) and SHA256.fullmatch(name.removeprefix(OBJECTS)) is not None


@contextmanager
def _telling() -> Iterator[None]:
    """Tell of a damaged ZIP in our own words; a full disk is no fault of the bundle's."""
    try:
        yield
    except _BROKEN as error:
        raise BundleUnreadableError("it is damaged, or no ZIP") from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # Its list points to before the file's beginning.
        raise BundleUnreadableError("it is damaged") from error

"""Takes the files out of a ZIP that a stranger made.

Names in the archive are labels and never become paths; how much may come out of it is counted while it comes out, since
what the archive says of itself may be a lie.
"""

from __future__ import annotations

import errno
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from maquette.errors import BadInputError, TooLargeError

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
CHUNK = 1 << 20
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
)
MOST_ENTRIES_LISTED = 20_000
"""More than a folder of photos ever has; the list itself costs memory."""


class ArchiveUnreadableError(BadInputError):
    """The file begins like a ZIP and cannot be read as one."""

    code = "archive_unreadable"


class ArchiveTooLargeError(TooLargeError):
    """More comes out of the archive than may."""

    code = "archive_too_large"


class ArchiveEmptyError(BadInputError):
    """Nothing in the archive can be used."""

    code = "archive_empty"


@dataclass(frozen=True)
class ArchiveLimits:
    """What may come out of one archive."""

    files: int
    file_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class Member:
    """A file that came out: where it lies now, and what it was called, folders before it in ``folder``."""

    path: Path
    name: str
    folder: str


def is_archive(header: bytes) -> bool:
    """Whether a file that begins like this is a ZIP."""
    return header.startswith(MAGIC)


def unpack(archive: Path, into: Path, limits: ArchiveLimits, *, name: str) -> list[Member]:
    """Write the archive's files into ``into`` (as 0000, 0001, … in the order of their names) and say what they are.

    Folders, links, and what operating systems add (``__MACOSX``, hidden files) are passed over. ``name`` is what
    errors call the archive. Raises ``archive_unreadable`` (damaged, encrypted, a compression that is not known),
    ``archive_too_large`` or ``archive_empty``; what was written until then is removed.
    """
    into.mkdir(parents=True, exist_ok=True)
    members: list[Member] = []
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = _entries(opened, limits, name)
            left = limits.total_bytes
            for number, (entry, label) in enumerate(entries):
                target = into / f"{number:04d}"
                members.append(Member(target, label.name, label.parent.as_posix()))
                left -= _write(opened, entry, target, min(left, limits.file_bytes), name)
    except _DAMAGE as error:
        _remove(members)
        raise _unreadable(name, error) from error
    except OSError as error:
        _remove(members)
        if error.errno not in (errno.EINVAL, None):
            raise
        # Its list points to before the file's beginning, or bzip2, which has no better word, met what is none.
        raise _unreadable(name, error) from error
    except ArchiveTooLargeError:
        _remove(members)
        raise
    if not members:
        raise ArchiveEmptyError(
            f"'{name}' holds no files.", suggestion="Put the photos into the ZIP and send it again.", file=name
        )
    return members


def _entries(opened: zipfile.ZipFile, limits: ArchiveLimits, name: str) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """Files worth having, by name; refused before any is written where they are too many, or say they are too large."""
    listed = opened.infolist()
    if len(listed) > MOST_ENTRIES_LISTED:
        raise _too_large(name, f"it lists {len(listed)} entries")
    found = sorted(_wanted(listed), key=lambda pair: pair[1].as_posix())
    if len(found) > limits.files:
        raise _too_large(name, f"it holds {len(found)} files where {limits.files} may be")
    said = sum(entry.file_size for entry, _ in found)
    if said > limits.total_bytes:
        raise _too_large(name, f"its files are {said / 1e6:.0f} MB where {limits.total_bytes / 1e6:.0f} may be")
    return found


def _wanted(listed: list[zipfile.ZipInfo]) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
    for entry in listed:
        label = PurePosixPath(entry.filename.replace("\\", "/"))
        kind = entry.external_attr >> 16 & 0o170000
        if not entry.filename or entry.is_dir() or kind not in (0, 0o100000):
            continue  # a folder, a link or a device
        if any(part.startswith(".") and part not in (".", "..") for part in label.parts) or "__MACOSX" in label.parts:
            continue
        if label.name in ("", ".", "..", "Thumbs.db", "desktop.ini"):
            continue
        yield entry, label


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, most: int, name: str) -> int:
    """Bytes written; more than ``most`` is refused as it comes."""
    written = 0
    with opened.open(entry) as source, target.open("wb") as file:
        while chunk := source.read(CHUNK):
            written += len(chunk)
            if written > most:
                raise _too_large(name, f"'{PurePosixPath(entry.filename).name[-80:]}' is larger than what is left")
            file.write(chunk)
    return written


def _too_large(name: str, why: str) -> ArchiveTooLargeError:
    return ArchiveTooLargeError(
        f"'{name}' holds too much: {why}.",
        suggestion="Leave out photos that show nearly the same view, or send them in several uploads.",
        file=name,
    )


def _unreadable(name: str, error: Exception) -> ArchiveUnreadableError:
    return ArchiveUnreadableError(
        f"'{name}' cannot be unpacked: {_why(error)}.",
        suggestion="Make the ZIP again without a password and with ordinary compression, or send the files themselves.",
        file=name,
    )


def _why(error: Exception) -> str:
    text = str(error).lower()
    if "password" in text or "encrypted" in text:
        return "it is encrypted"
    if isinstance(error, NotImplementedError):
        return "it is compressed in a way that is not known here"
    return "it is damaged"


def _remove(members: list[Member]) -> None:
    for member in members:
        member.path.unlink(missing_ok=True)

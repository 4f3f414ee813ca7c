"""ZIP files that formats consist of: written the same for the same content, read with care."""

from __future__ import annotations

import shutil
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from maquette.errors import MaquetteError
from maquette.recon.archive import ArchiveLimits, unpack
from maquette.recon.atomic import replacing
from maquette.recon.formats.checking import not_a_model, not_opened

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_REGULAR_FILE = 0o100644 << 16


@contextmanager
def writing_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A ZIP that takes the place of ``path`` when the block ends, whole or not at all."""
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        yield archive


def entry(name: str, *, packed: bool = True) -> zipfile.ZipInfo:
    """What a ZIP says of one file: no time and no owner, so that the same content makes the same bytes.

    ``packed``: deflate it; images are packed already.
    """
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    info.create_system = 3  # Unix, wherever this runs
    info.external_attr = _REGULAR_FILE
    return info


def copy_in(archive: zipfile.ZipFile, source: Path, name: str) -> None:
    """Put a file into the archive as it is, a piece at a time."""
    with source.open("rb") as file, archive.open(entry(name, packed=False), "w") as target:
        shutil.copyfileobj(file, target, 1 << 20)


def inside(name: str) -> str:
    """A name that stays within the folder where an archive is unpacked, whatever ``name`` pretends to be."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return "/".join(part for part in parts if part.strip("/") not in ("", ".", ".."))


@contextmanager
def unpacked(path: Path, limits: ArchiveLimits) -> Iterator[dict[str, Path]]:
    """The files of an archive by their names in it, in a folder that is gone when the block ends.

    Raises :class:`~maquette.recon.formats.errors.BadModelFileError`.
    """
    with _telling(path):
        _check_methods(path)
    with tempfile.TemporaryDirectory(prefix="maquette-") as folder:
        with _telling(path):
            members = unpack(path, Path(folder), limits, name=path.name)
        yield {str(PurePosixPath(member.folder) / member.name): member.path for member in members}


def _check_methods(path: Path) -> None:
    """The rarer compressions may ask for gigabytes before the first byte comes out."""
    with zipfile.ZipFile(path) as archive:
        if any(info.compress_type not in _METHODS for info in archive.infolist()):
            raise zipfile.BadZipFile("compressed in another way")


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
    except (MaquetteError, zipfile.BadZipFile, struct.error, NotImplementedError, ValueError) as error:
        raise not_a_model(path.name, "it is no ZIP file, or a damaged or too large one") from error
    except OSError as error:
        raise not_opened(path.name, error) from error

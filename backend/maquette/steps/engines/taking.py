"""Takes what an engine made out of its folder. Until it is read by our own readers it is a file from a stranger."""

from __future__ import annotations

import errno
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from maquette.steps.engines.engine import Program
from maquette.steps.engines.errors import EngineOutputRefusedError
from maquette.steps.engines.folder import EngineFolder

CHUNK_BYTES = 1 << 20
OF_OBJ = (".obj", ".mtl", ".png", ".jpg", ".jpeg")
MOST_FILES = 32
_LINKS = {errno.ELOOP, errno.ENOTDIR, errno.EMLINK}


def take(engine: str, program: Program, home: EngineFolder, name: str, *, most_bytes: int) -> Path:
    """Copy the file that the contract calls ``name``, and return the copy. Raises ``engine_output_refused``."""
    found = _taken(engine, home, PurePosixPath(program.outputs.get(name, name)), home.taken / name, most_bytes)
    if found is None:
        raise EngineOutputRefusedError(engine, f"it left no output/{program.outputs.get(name, name)}")
    return found


def take_mesh(engine: str, program: Program, home: EngineFolder, *, most_bytes: int) -> Path:
    """``mesh.glb``, or ``mesh.obj`` with its material and images as one ``mesh.obj.zip``. Raises as :func:`take`."""
    place = PurePosixPath(program.outputs.get("mesh.glb", "mesh.glb"))
    glb = _taken(engine, home, place, home.taken / "mesh.glb", most_bytes)
    if glb is not None:
        return glb
    parts = home.taken / "obj"
    parts.mkdir()
    with _folder(engine, home.root.parent, (home.root.name, "output")) as opened:
        there = [] if opened is None else os.listdir(opened)  # noqa: PTH208 - of what was opened, not of a path
    names = sorted(name for name in there if PurePosixPath(name).suffix.lower() in OF_OBJ)
    if "mesh.obj" not in names:
        raise EngineOutputRefusedError(engine, "it left neither output/mesh.glb nor output/mesh.obj")
    if len(names) > MOST_FILES:
        raise EngineOutputRefusedError(engine, f"output/ holds more than {MOST_FILES} files")
    packed, left = home.taken / "mesh.obj.zip", most_bytes
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            part = _taken(engine, home, PurePosixPath(name), parts / "part", left)
            if part is not None:
                left -= part.stat().st_size
                archive.write(part, name)
                part.unlink()
    return packed


def _taken(engine: str, home: EngineFolder, place: PurePosixPath, to: Path, most_bytes: int) -> Path | None:
    """None where nothing is there."""
    with _folder(engine, home.root.parent, (home.root.name, "output", *place.parts[:-1]), told=place) as opened:
        if opened is None:
            return None
        try:
            # A pipe in the place of a file would keep us waiting.
            source = os.open(place.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=opened)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
            raise EngineOutputRefusedError(engine, f"output/{place} {_wrong(error)}") from error
        told = os.fstat(source)
        if not stat.S_ISREG(told.st_mode) or told.st_nlink != 1:
            os.close(source)
            raise EngineOutputRefusedError(engine, f"output/{place} is no file of its own")
        with os.fdopen(source, "rb") as file:
            if told.st_size > most_bytes:
                raise EngineOutputRefusedError(
                    engine, f"output/{place} has {told.st_size} bytes where at most {most_bytes} are read"
                )
            with to.open("wb") as copy:
                left = told.st_size
                while left and (chunk := file.read(min(left, CHUNK_BYTES))):
                    copy.write(chunk)
                    left -= len(chunk)
    return to


@contextmanager
def _folder(engine: str, base: Path, parts: tuple[str, ...], told: PurePosixPath | None = None) -> Iterator[int | None]:
    """A folder below ``base``, opened step by step without following a link; None where there is none."""
    opened: int | None = os.open(base, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts:
            assert opened is not None  # noqa: S101 - set in every round
            try:
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=opened)
            except OSError as error:
                os.close(opened)
                opened = None
                if error.errno == errno.ENOENT:
                    break
                raise EngineOutputRefusedError(engine, f"output/{told or ''} {_wrong(error)}") from error
            os.close(opened)
            opened = inner
        yield opened
    finally:
        if opened is not None:
            os.close(opened)


def _wrong(error: OSError) -> str:
    return "is a link, or lies behind one" if error.errno in _LINKS else f"cannot be opened ({error.strerror})"

"""Files of numpy arrays that may come from anywhere: an imported project brings its own checkpoints and meshes.

Nothing in them is ever unpickled, and whatever reading damaged bytes can raise becomes one error.
"""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RuntimeError,  # zipfile's word for encrypted files, and Python's for what is nested too deep
    SyntaxError,
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,  # numpy reads the header of an array as Python's own words for one
)
"""What numpy, zipfile and json raise on damaged bytes."""


class DamagedArraysError(Exception):
    """The file is no file of arrays, or not all of one; says why. Callers tell it in words of their own."""


class Arrays:
    """The arrays of an open .npz by name, each read when it is asked for."""

    def __init__(self, file: Any) -> None:
        self._file = file

    @property
    def names(self) -> list[str]:
        """Of everything in it."""
        return [name.removesuffix(".npy") for name in self._file.zip.namelist()]

    def __contains__(self, name: str) -> bool:
        """Whether there is one of that name."""
        return name in self.names

    def __getitem__(self, name: str) -> ndarray:
        """One array. Raises ``KeyError`` where there is none of that name."""
        member = f"{name}.npy"
        if member not in self._file.zip.namelist():
            raise KeyError(name)
        with self._file.zip.open(member) as stream:
            _refuse_lies(stream, self._file.zip.getinfo(member).file_size)
        array: ndarray = self._file[name]
        return array

    def get(self, name: str) -> ndarray | None:
        """The same, None where there is none."""
        if name in self.names:
            return self[name]
        return None


@contextmanager
def open_arrays(path: Path) -> Iterator[Arrays]:
    """An .npz for as long as the block lasts; what goes wrong in the block with what was read counts as damage too.

    Raises :class:`DamagedArraysError`, or ``FileNotFoundError``.
    """
    try:
        # numpy leaves the file open where it is no archive, so it is opened here.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            yield Arrays(file)
    except FileNotFoundError:
        raise
    except KeyError as error:
        raise DamagedArraysError(f"{error} is missing") from error
    except DAMAGE as error:
        raise DamagedArraysError(str(error) or type(error).__name__) from error


def read_array(path: Path) -> ndarray:
    """The array of an .npy. Raises :class:`DamagedArraysError`, also where there is no file."""
    try:
        with path.open("rb") as stream:
            _refuse_lies(stream, path.stat().st_size)
            stream.seek(0)
            array: ndarray = np.load(stream, allow_pickle=False)
            return array
    except DAMAGE as error:
        raise DamagedArraysError(str(error) or type(error).__name__) from error


def _refuse_lies(stream: Any, size: int) -> None:
    """Raise ValueError where an array's header announces more than ``size`` bytes: numpy would ask for that memory."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    if math.prod(shape) * dtype.itemsize > size or any(side < 0 for side in shape):
        raise ValueError("it announces more than it holds")

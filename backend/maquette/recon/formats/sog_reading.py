"""Reading SOG version 2 from anywhere; the layout is told in :mod:`maquette.recon.formats.sog`."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from numpy import ndarray
from PIL import Image

from maquette.recon.formats.activations import logits_of
from maquette.recon.formats.bombs import check_ratio
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.formats.format import check_read
from maquette.recon.formats.smallest_three import join
from maquette.recon.gaussians import Gaussians

_MOST_META_BYTES = 4 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_COEFFICIENTS = {1: 3, 2: 8, 3: 15}
_MOST_VECTORS = 65_536


def read(path: Path) -> Gaussians:
    """Read a bundled SOG of version 2, in the file's order. Raises :class:`BadModelFileError`."""
    try:
        with zipfile.ZipFile(path) as archive:
            return check_read(_Reading(archive, path.stat().st_size, path.name).gaussians(), path.name)
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, RuntimeError) as error:
        raise BadModelFileError(path.name, "it is no ZIP file, or a damaged one") from error
    except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        raise BadModelFileError(path.name, "its meta.json does not say what SOG of version 2 says") from error
    except OSError as error:
        raise BadModelFileError(path.name, f"the file cannot be opened ({error.strerror})") from error


class _Reading:
    """An open SOG. What its ``meta.json`` lacks or twists ends in KeyError, TypeError and such."""

    def __init__(self, archive: zipfile.ZipFile, size: int, name: str) -> None:
        self._archive, self._size, self._name = archive, size, name
        self._meta: dict[str, Any] = json.loads(self._member("meta.json", _MOST_META_BYTES))
        if self._meta["version"] != 2:
            raise self._bad(f"it is SOG of version {self._meta['version']!s:.20}, and 2 is read")
        self._count = self._whole(self._meta["count"])
        if self._count < 1:
            raise self._bad("it holds no Gaussians")

    def gaussians(self) -> Gaussians:
        """All of them."""
        bands = self._whole(self._meta["shN"]["bands"]) if "shN" in self._meta else 0
        rest = _COEFFICIENTS[bands] if bands else 0
        check_ratio(self._count * (14 + 3 * rest), self._size, self._name)
        means = self._means()
        scale_file, color_file = self._meta["scales"], self._meta["sh0"]
        log_scales = self._codebook(scale_file)[self._image(scale_file, 0)[:, :3]]
        quaternions = self._rotations()
        colors = self._image(color_file, 0)
        sh = np.empty((self._count, 1 + rest, 3), np.float32)
        sh[:, 0] = self._codebook(color_file)[colors[:, :3]]
        if rest:
            sh[:, 1:] = self._harmonics(self._meta["shN"], rest)
        return Gaussians(means, log_scales, quaternions, logits_of(colors[:, 3]), sh)

    def _means(self) -> Float32[ndarray, "n 3"]:
        said = self._meta["means"]
        low, high = self._three(said["mins"]), self._three(said["maxs"])
        level = self._image(said, 1)[:, :3].astype(np.float64) * 256 + self._image(said, 0)[:, :3]
        logs = low + level / 65_535 * (high - low)
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite and is refused as such
            means: Float32[ndarray, "n 3"] = np.copysign(np.expm1(np.abs(logs)), logs).astype(np.float32)
        return means

    def _rotations(self) -> Float32[ndarray, "n 4"]:
        packed = self._image(self._meta["quats"], 0)
        largest = packed[:, 3].astype(np.int64) - 252
        if largest.min() < 0:
            raise self._bad("a rotation is not packed as SOG packs them")
        others = (packed[:, :3] / np.float32(255) * 2 - 1) * np.float32(np.sqrt(0.5))
        return join(largest, others)

    def _harmonics(self, said: dict[str, Any], rest: int) -> Float32[ndarray, "n k 3"]:
        count = self._whole(said["count"])
        labels = self._image(said, 1).astype(np.int64)
        labels = labels[:, 0] + 256 * labels[:, 1]
        if not 1 <= count <= _MOST_VECTORS or labels.max() >= count:
            raise self._bad("its palette of harmonics is shorter than its Gaussians need")
        centroids = self._picture(said["files"][0], count * rest)
        if centroids.shape[1] != 64 * rest:
            raise self._bad("its palette of harmonics is not as wide as SOG has it")
        values = self._codebook(said)[centroids[..., :3].reshape(-1, rest, 3)[:count]]
        chosen: Float32[ndarray, "n k 3"] = values[labels]
        return chosen

    def _image(self, said: dict[str, Any], which: int) -> UInt8[ndarray, "n 4"]:
        """A picture's pixels, one row a Gaussian."""
        return self._picture(said["files"][which], self._count).reshape(-1, 4)[: self._count]

    def _picture(self, member: str, needed: int) -> UInt8[ndarray, "h w 4"]:
        data = self._member(member, self._size)
        try:
            with Image.open(io.BytesIO(data), formats=("WEBP",)) as image:
                pixels = image.width * image.height
                if not needed <= pixels <= 2 * needed + 65_536:
                    raise self._bad(f"its picture '{member[:40]}' has {pixels} pixels for {needed} values")
                return np.asarray(image.convert("RGBA"))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise self._bad(f"its picture '{member[:40]}' is no WebP, or a damaged one") from error

    def _member(self, member: str, most: int) -> bytes:
        info = self._archive.getinfo(member)
        if info.file_size > most or info.compress_type not in _METHODS:
            raise self._bad(f"its '{member[:40]}' is larger than it may be, or packed in another way")
        return self._archive.read(info)

    def _codebook(self, said: dict[str, Any]) -> Float32[ndarray, 256]:
        book = np.array(said["codebook"], np.float32)
        if book.shape != (256,) or not np.isfinite(book).all():
            raise self._bad("a codebook does not hold 256 numbers")
        return book

    def _three(self, numbers: object) -> Float64[ndarray, 3]:
        three = np.array(numbers, np.float64)
        if three.shape != (3,) or not np.isfinite(three).all() or np.abs(three).max() > 100:
            raise self._bad("the bounds of its positions are no three numbers")
        return three

    def _whole(self, number: object) -> int:
        if not isinstance(number, int) or isinstance(number, bool):
            raise self._bad("its meta.json counts in something else than whole numbers")
        return number

    def _bad(self, reason: str) -> BadModelFileError:
        return BadModelFileError(self._name, reason)

"""How the images of a mesh are stored within its file, and how they are taken out of one that a stranger made."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image

from maquette.recon.formats.checking import not_a_model

TextureFormat = Literal["png", "jpeg", "webp"]
"""PNG keeps every texel. JPEG and WebP are several times smaller and lose a little."""

SUFFIXES: dict[TextureFormat, str] = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}

_QUALITY = 90
_NORMAL_QUALITY = 95
_MOST_ACROSS = 8192


def encode_color(pixels: UInt8[ndarray, "h w 3"], texture_format: TextureFormat) -> bytes:
    """The colours as a file. JPEG keeps colour at full resolution: charts of an atlas end abruptly."""
    return _encode(pixels, texture_format, quality=_QUALITY, lossless=False)


def encode_normals(pixels: UInt8[ndarray, "h w 3"], texture_format: TextureFormat) -> bytes:
    """A normal map as a file. Lossy WebP halves the resolution of two of its three numbers, so it is lossless here."""
    return _encode(pixels, texture_format, quality=_NORMAL_QUALITY, lossless=True)


def decode(data: bytes | memoryview, name: str) -> UInt8[ndarray, "h w 3"]:
    """The image in ``data``. Its size is read and judged before memory for it is asked for.

    Raises :class:`~maquette.recon.formats.errors.BadModelFileError`.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
            if max(image.size) > _MOST_ACROSS:
                raise not_a_model(name, f"its texture is more than {_MOST_ACROSS} pixels across")
            return np.array(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError, Warning) as error:
        raise not_a_model(name, "its texture is damaged or too large") from error


def _encode(pixels: UInt8[ndarray, "h w 3"], texture_format: TextureFormat, *, quality: int, lossless: bool) -> bytes:
    image, out = Image.fromarray(pixels), io.BytesIO()
    if texture_format == "png":
        image.save(out, "PNG", compress_level=3)  # 9 takes several times as long for a few percent
    elif texture_format == "jpeg":
        image.save(out, "JPEG", quality=quality, subsampling=0, optimize=True)
    else:
        image.save(out, "WEBP", quality=quality, lossless=lossless, method=2)
    return out.getvalue()

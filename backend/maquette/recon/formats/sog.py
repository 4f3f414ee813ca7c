"""SOG version 2, PlayCanvas' Gaussians as pictures (developer.playcanvas.com, "The SOG Format"): the smallest format.

A ZIP of ``meta.json`` and lossless WebP images, in which pixel i, row by row, is Gaussian i: positions in 16 bits a
coordinate, evenly in sign(x) log(1 + |x|); scales and colours by codebooks of 256 values; rotations as their
smallest three components in 8 bits; higher harmonics by a palette of vectors, itself by a codebook. Lossy.

The page calls the frame y up, but what writes and reads the files (SuperSplat, splat-transform 3.7) keeps the frame
of the PLY they are made from, y down, and so do we. Ours, as no Python library writes it; WebP is Pillow's.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int, UInt8
from numpy import ndarray
from PIL import Image

from maquette.recon.formats import sog_reading
from maquette.recon.formats.activations import opacity_bytes, to_byte
from maquette.recon.formats.codebooks import codebook, nearest_in, palette
from maquette.recon.formats.format import CHUNK_ROWS, Format, check_writable
from maquette.recon.formats.morton import morton_order
from maquette.recon.formats.smallest_three import split
from maquette.recon.formats.zipped import entry, writing_zip
from maquette.recon.gaussians import Gaussians

_SAMPLE_VALUES = 300_000
_SAMPLE_VECTORS = 131_072
_MOST_VECTORS = 32_768
_VECTORS_A_ROW = 64
_QUATERNION_TAG = 252
_WEBP_METHOD, _WEBP_EFFORT = 4, 50

Channels = Callable[[Gaussians], UInt8[ndarray, "n c"]]


def write(gaussians: Gaussians, path: Path, *, provenance: Mapping[str, str]) -> None:
    """Store the model, neighbours together; ``provenance`` goes under ``asset`` into ``meta.json``."""
    check_writable(gaussians)
    order = morton_order(gaussians.means)
    low, high = _log_range(gaussians.means)
    scales = codebook(_sampled(gaussians.log_scales.reshape(-1), _SAMPLE_VALUES))
    colors = codebook(_sampled(gaussians.sh[:, 0].reshape(-1), _SAMPLE_VALUES))
    meta: dict[str, Any] = {
        "version": 2,
        "asset": {"generator": "Maquette", **provenance},
        "count": len(gaussians),
        "means": {"mins": low.tolist(), "maxs": high.tolist(), "files": ["means_l.webp", "means_u.webp"]},
        "scales": {"codebook": scales.tolist(), "files": ["scales.webp"]},
        "quats": {"files": ["quats.webp"]},
        "sh0": {"codebook": colors.tolist(), "files": ["sh0.webp"]},
    }
    images: dict[str, Channels] = {
        "means_l.webp": lambda part: (_levels(part.means, low, high) & 255).astype(np.uint8),
        "means_u.webp": lambda part: (_levels(part.means, low, high) >> 8).astype(np.uint8),
        "quats.webp": lambda part: _rotations(part.quaternions),
        "scales.webp": lambda part: nearest_in(scales, part.log_scales).astype(np.uint8),
        "sh0.webp": lambda part: np.concatenate(
            [nearest_in(colors, part.sh[:, 0]).astype(np.uint8), opacity_bytes(part.opacity_logits)[:, None]], axis=1
        ),
    }
    centroids = None
    if gaussians.sh_degree > 0:
        meta["shN"], centroids, images["shN_labels.webp"] = _harmonics(gaussians)
    with writing_zip(path) as archive:
        archive.writestr(entry("meta.json"), json.dumps(meta, separators=(",", ":"), allow_nan=False))
        for name, channels in images.items():
            archive.writestr(entry(name, packed=False), _webp(_picture(gaussians, order, channels)))
        if centroids is not None:
            archive.writestr(entry("shN_centroids.webp", packed=False), _webp(centroids))


def _log_range(means: Float32[ndarray, "n 3"]) -> tuple[Float64[ndarray, 3], Float64[ndarray, 3]]:
    return _signed_log(means.min(axis=0)), _signed_log(means.max(axis=0))


def _signed_log(values: Float32[ndarray, "*shape"]) -> Float64[ndarray, "*shape"]:
    wide = values.astype(np.float64)
    logs: Float64[ndarray, "*shape"] = np.copysign(np.log1p(np.abs(wide)), wide)
    return logs


def _levels(means: Float32[ndarray, "n 3"], low: Float64[ndarray, 3], high: Float64[ndarray, 3]) -> Int[ndarray, "n 3"]:
    share = (_signed_log(means) - low) / np.where(high > low, high - low, 1)
    levels: Int[ndarray, "n 3"] = np.rint(np.clip(share, 0, 1) * 65_535).astype(np.int64)
    return levels


def _rotations(quaternions: Float32[ndarray, "n 4"]) -> UInt8[ndarray, "n 4"]:
    largest, others = split(quaternions)
    components = to_byte((others * np.float32(np.sqrt(0.5)) + np.float32(0.5)) * 255)
    tags: UInt8[ndarray, " n"] = (largest + _QUATERNION_TAG).astype(np.uint8)
    return np.concatenate([components, tags[:, None]], axis=1)


def _harmonics(gaussians: Gaussians) -> tuple[dict[str, Any], UInt8[ndarray, "h w 3"], Channels]:
    """What ``meta.json`` says of the palette, its picture, and the picture of which vector stands for each Gaussian."""
    coefficients = gaussians.sh.shape[1] - 1
    count = len(gaussians)
    some = np.linspace(0, count - 1, min(count, _SAMPLE_VECTORS)).astype(np.int64)
    size = min(count, max(1024, count // 8), _MOST_VECTORS)
    known = palette(gaussians.sh[some, 1:].reshape(len(some), -1), size)
    book = codebook(_sampled(known.vectors.reshape(-1), _SAMPLE_VALUES))
    rows = -(-len(known.vectors) // _VECTORS_A_ROW)
    centroids = np.zeros((rows * _VECTORS_A_ROW, coefficients, 3), np.uint8)
    centroids[: len(known.vectors)] = nearest_in(book, known.vectors).reshape(-1, coefficients, 3)
    meta = {
        "count": len(known.vectors),
        "bands": gaussians.sh_degree,
        "codebook": book.tolist(),
        "files": ["shN_centroids.webp", "shN_labels.webp"],
    }

    def labels(part: Gaussians) -> UInt8[ndarray, "n 3"]:
        places = known.nearest(part.sh[:, 1:].reshape(len(part), -1))
        return np.stack([places & 255, places >> 8, np.zeros_like(places)], axis=1).astype(np.uint8)

    return meta, centroids.reshape(rows, _VECTORS_A_ROW * coefficients, 3), labels


def _sampled(values: Float32[ndarray, " n"], most: int) -> Float32[ndarray, " m"]:
    """At most that many of them, evenly, and the smallest and the largest."""
    if len(values) <= most:
        return values
    some = values[np.linspace(0, len(values) - 1, most).astype(np.int64)]
    return np.append(some, (values.min(), values.max()))


def _picture(gaussians: Gaussians, order: Int[ndarray, " n"], channels: Channels) -> UInt8[ndarray, "h w c"]:
    """About square; the pixels after the last Gaussian are zero."""
    width = max(4, 4 * int(np.ceil(np.sqrt(len(order)) / 4)))
    height = -(-len(order) // width)
    picture: UInt8[ndarray, "n c"] | None = None
    for start in range(0, len(order), CHUNK_ROWS):
        rows = channels(gaussians.subset(order[start : start + CHUNK_ROWS]))
        if picture is None:
            picture = np.zeros((width * height, rows.shape[1]), np.uint8)
        picture[start : start + len(rows)] = rows
    assert picture is not None  # noqa: S101 (an empty model was refused)
    return picture.reshape(height, width, -1)


def _webp(picture: UInt8[ndarray, "h w c"]) -> bytes:
    data = io.BytesIO()
    # "exact": colours under full transparency are numbers here, not something that nobody sees.
    Image.fromarray(picture).save(data, "WEBP", lossless=True, exact=True, method=_WEBP_METHOD, quality=_WEBP_EFFORT)
    return data.getvalue()


FORMAT = Format(
    name="sog",
    extension=".sog",
    mime="application/zip",
    description="PlayCanvas' Gaussians as pictures: the smallest files for the web, about a fifteenth of a PLY; lossy.",
    write=write,
    read=sog_reading.read,
    opens_in=("SuperSplat", "PlayCanvas", "Spark (three.js)"),
    optimizations=frozenset({"prune", "lower_sh"}),
)

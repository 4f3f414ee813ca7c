"""Views of any size for models that want sides of a certain multiple and not too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

_OVERLAP = 1 / 8
"""Of a tile: neighbours share this much of its side, and are blended there."""


@dataclass(frozen=True)
class Tile:
    """Rows and columns of the view that one run of the model covers."""

    rows: slice
    columns: slice


def plan_tiles(height: int, width: int, tile_px: int) -> list[Tile]:
    """Tiles of equal size, none longer than ``tile_px``, that cover the view and overlap by an eighth or more."""
    return [Tile(rows, columns) for rows in _spans(height, tile_px) for columns in _spans(width, tile_px)]


def _spans(length: int, tile_px: int) -> list[slice]:
    if length <= tile_px:
        return [slice(0, length)]
    step = tile_px * (1 - _OVERLAP)
    count = 1 + int(np.ceil((length - tile_px) / step))
    starts = np.rint(np.linspace(0, length - tile_px, count)).astype(int)
    return [slice(int(start), int(start) + tile_px) for start in starts]


def joined(
    pieces: Iterator[tuple[Tile, Float32[ndarray, "_ _ 3"]]], height: int, width: int
) -> Float32[ndarray, "h w 3"]:
    """The tiles' pictures blended: each counts less towards its edges, so that no seam shows."""
    total = np.zeros((height, width, 3), np.float32)
    weights = np.zeros((height, width, 1), np.float32)
    for tile, piece in pieces:
        weight = np.outer(_ramp(piece.shape[0]), _ramp(piece.shape[1]))[..., None].astype(np.float32)
        total[tile.rows, tile.columns] += weight * piece
        weights[tile.rows, tile.columns] += weight
    return total / weights


def _ramp(length: int) -> Float32[ndarray, " n"]:
    # From the middle of the first pixel: no weight is zero, so a view of one tile is that tile.
    distance = np.minimum(np.arange(length) + 0.5, length - np.arange(length) - 0.5)
    ramp: Float32[ndarray, " n"] = np.minimum(1.0, distance / max(1.0, _OVERLAP * length)).astype(np.float32)
    return ramp


def padded(planes: Sequence[ndarray], multiple: int, least_px: int) -> list[ndarray]:
    """Each plane mirrored past its right and lower edge to sides of the multiple, at least ``least_px`` long."""
    grown: list[ndarray] = []
    for plane in planes:
        down, right = (_missing(length, multiple, least_px) for length in plane.shape[:2])
        # BORDER_REFLECT repeats the mirror where the picture is shorter than what is missing.
        grown.append(cv2.copyMakeBorder(plane, 0, down, 0, right, cv2.BORDER_REFLECT))
    return grown


def _missing(length: int, multiple: int, least_px: int) -> int:
    whole = -(-max(length, least_px) // multiple) * multiple
    return whole - length


def enlarged(image: UInt8[ndarray, "h w 3"], working_side_px: int) -> UInt8[ndarray, "_ _ 3"]:
    """The view with its longer side at least ``working_side_px``."""
    height, width = image.shape[:2]
    scale = working_side_px / max(height, width)
    if scale <= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    larger: UInt8[ndarray, "_ _ 3"] = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    return larger


def through_tiles(
    view: UInt8[ndarray, "h w 3"],
    others: Sequence[ndarray],
    tile_px: int,
    multiple: int,
    run: Callable[[int, Sequence[ndarray]], Float32[ndarray, "_ _ 3"]],
) -> Float32[ndarray, "h w 3"]:
    """``run(index, planes)`` over the tiles of the view and of ``others`` of the same size; values 0 to 1, joined.

    ``run`` is given planes with sides of the ``multiple`` and answers a picture of exactly that size.
    """
    height, width = view.shape[:2]

    def pieces() -> Iterator[tuple[Tile, Float32[ndarray, "_ _ 3"]]]:
        for index, tile in enumerate(plan_tiles(height, width, tile_px)):
            cut = [np.ascontiguousarray(plane[tile.rows, tile.columns]) for plane in (view, *others)]
            size = cut[0].shape[:2]
            answer = run(index, padded(cut, multiple, 8 * multiple))
            yield tile, answer[: size[0], : size[1]]

    return joined(pieces(), height, width)

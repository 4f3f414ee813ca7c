"""Twelve files to six sides: which is which by name, what they are by content, whether they can be used."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numpy import ndarray

from maquette.recon.images import read_photo
from maquette.recon.rig.errors import (
    RigBlankError,
    RigCountError,
    RigDepthNotGreyError,
    RigNameError,
    RigSideTwiceError,
    RigSizeError,
)
from maquette.recon.rig.sides import SIDES, SPELLINGS, Side

NamedFile: TypeAlias = tuple[str, Path]
"""What the user calls a file, and where it lies."""

VIEWS, DEPTHS = "views", "depth renders"
LONG_SIDE_PX = 2048
"""Pictures are kept at this size at most."""
SAME_SHAPE = 0.02
"""Relative difference of width to height up to which a depth render has its picture's shape."""
GREY_TOLERANCE = 12
"""Difference between channels, of 255, that a lossy file of a grey picture may have."""
BACKGROUND_TOLERANCE = 3.0 / 255.0
"""Of a depth render's background from the middle value of its border; lossy files ring around edges."""
LOSSY_TOLERANCE = 12.0 / 255.0
LEAST_OBJECT, MOST_OBJECT = 0.002, 0.98
"""Shares of a picture that an object before a background may cover."""
LEAST_CONTRAST = 8
"""Of 255: a picture that varies less shows nothing."""
SPECK = 0.02
"""Separate pieces smaller than this share of the largest are stray pixels of the renderer."""


@dataclass(frozen=True, eq=False)
class RigView:
    """One side as it was sent.

    ``pixels``: sRGB, over white where the file is transparent; ``alpha`` that transparency, None without any.
    ``values``: the depth render's numbers, 0 to 1; ``known``: where it shows the object. All of one size.
    """

    side: Side
    name: str
    depth_name: str
    pixels: UInt8[ndarray, "h w 3"]
    alpha: UInt8[ndarray, "h w"] | None
    values: Float32[ndarray, "h w"]
    known: Bool[ndarray, "h w"]


def by_side(files: Sequence[NamedFile], kind: str) -> Mapping[Side, NamedFile]:
    """Six files by their sides. Raises ``six_views_wrong_count``, ``six_views_unknown_name`` or
    ``six_views_side_twice``.
    """
    if len(files) != len(SIDES):
        raise RigCountError(kind, len(files))
    found: dict[Side, NamedFile] = {}
    twice: tuple[Side, NamedFile] | None = None
    for file in files:
        sides = sides_named(file[0])
        if len(sides) != 1:
            raise RigNameError(kind, file[0], sides)
        if sides[0] in found and twice is None:
            twice = sides[0], file
        found.setdefault(sides[0], file)
    if twice is not None:
        side, file = twice
        raise RigSideTwiceError(kind, side, [found[side][0], file[0]], [one for one in SIDES if one not in found])
    return {side: found[side] for side in SIDES}


def sides_named(name: str) -> list[Side]:
    """The sides that a file's name tells, by whole words of its last part."""
    stem = Path(name.replace("\\", "/")).stem
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stem)
    words = re.findall(r"[a-z]+", parted.lower())
    return list(dict.fromkeys(SPELLINGS[word] for word in words if word in SPELLINGS))


def read_rig(views: Sequence[NamedFile], depths: Sequence[NamedFile]) -> tuple[RigView, ...]:
    """Six sides in the order of :data:`SIDES`, from files in any order and of any image format that photos may have.

    Raises what :func:`by_side` and :func:`maquette.recon.images.read_photo` do, ``six_views_sizes_differ``,
    ``six_views_blank`` or ``six_views_depth_not_grey``, each naming the file.
    """
    view_files, depth_files = by_side(views, VIEWS), by_side(depths, DEPTHS)
    read: list[RigView] = []
    for side in SIDES:
        name, path = view_files[side]
        photo = read_photo(path, name=name, long_side_px=LONG_SIDE_PX)
        if read and photo.pixels.shape != read[0].pixels.shape:
            raise RigSizeError(
                name, (photo.width, photo.height), read[0].name, _size(read[0].pixels), "all views must have one size"
            )
        pixels, alpha = photo.pixels, photo.alpha
        if alpha is not None:
            # Photos come over black; these are measured over white, where an empty model is white.
            pixels = np.minimum(pixels.astype(np.uint16) + (255 - alpha)[..., None], 255).astype(np.uint8)
        if int(pixels.max()) - int(pixels.min()) < LEAST_CONTRAST:
            raise RigBlankError(VIEWS, name, "is of one colour: there is nothing to see")
        values, known = _read_depth(depth_files[side], name, _size(pixels))
        read.append(RigView(side, name, depth_files[side][0], pixels, alpha, values, known))
    return tuple(read)


def _read_depth(
    file: NamedFile, view: str, size: tuple[int, int]
) -> tuple[Float32[ndarray, "h w"], Bool[ndarray, "h w"]]:
    name, path = file
    photo = read_photo(path, name=name, original_resolution=True)
    if abs(photo.width / photo.height / (size[0] / size[1]) - 1) > SAME_SHAPE:
        raise RigSizeError(
            name, (photo.width, photo.height), view, size, "a depth render must have its picture's shape"
        )
    if int(np.ptp(photo.pixels.astype(np.int16), axis=2).max()) > GREY_TOLERANCE:
        raise RigDepthNotGreyError(name)
    values: ndarray = photo.pixels[..., 1].astype(np.float32) / np.float32(255)
    if "sixteen_bit" in photo.notes:
        deep = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_GRAYSCALE)
        if deep is not None and deep.dtype == np.uint16:
            values = deep.astype(np.float32) / np.float32(65_535)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    tolerance = LOSSY_TOLERANCE if photo.format == "jpeg" else BACKGROUND_TOLERANCE
    known = without_specks(np.abs(values - np.float32(np.median(border))) > tolerance)
    share = float(known.mean())
    if share < LEAST_OBJECT:
        raise RigBlankError(DEPTHS, name, "shows no object: it is background everywhere")
    if share > MOST_OBJECT:
        raise RigBlankError(DEPTHS, name, "has no background around the object")
    # Between two surfaces, and between one and the background, there is no depth: nothing is mixed.
    values = cv2.resize(values, size, interpolation=cv2.INTER_NEAREST)
    return values, cv2.resize(known.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(np.bool_)


def without_specks(known: Bool[ndarray, "h w"]) -> Bool[ndarray, "h w"]:
    """``known`` without pieces much smaller than its largest."""
    count, pieces, statistics, _ = cv2.connectedComponentsWithStats(known.astype(np.uint8))
    if count < 2:
        return known
    areas = statistics[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return np.asarray((areas >= SPECK * areas.max())[pieces])


def _size(pixels: UInt8[ndarray, "h w 3"]) -> tuple[int, int]:
    return int(pixels.shape[1]), int(pixels.shape[0])

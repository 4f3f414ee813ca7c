"""Every surface of a diorama as a lit picture with its smaller versions, in one array for the kernels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float, Float32, Int64, UInt8
from numpy import ndarray

from maquette.recon.synthetic import kernels, textures
from maquette.recon.synthetic.diorama import Box, Diorama, Material, Sphere
from maquette.recon.synthetic.textures import Colour

TEXELS_PER_UNIT = 190.0
_LAWN_TEXELS_PER_UNIT = 64.0
_LIGHT_EVERY_TEXELS = 8
_LEVELS = 6

_SUN = np.array([0.45, -0.5, 0.74])
_SUN_LIGHT = np.array([1.08, 1.0, 0.86])
_SKY_LIGHT = np.array([0.52, 0.58, 0.68])

_PAVING: list[Colour] = [(0.74, 0.66, 0.56), (0.6, 0.58, 0.56), (0.68, 0.52, 0.42), (0.5, 0.54, 0.6), (0.82, 0.78, 0.7)]
_PALETTES: dict[Material, list[Colour]] = {
    "facade": [(0.83, 0.74, 0.56), (0.2, 0.3, 0.42), (0.42, 0.5, 0.52), (0.62, 0.5, 0.28), (0.16, 0.17, 0.2)],
    "brick": [(0.66, 0.3, 0.22), (0.56, 0.26, 0.2), (0.74, 0.42, 0.3), (0.46, 0.24, 0.22), (0.7, 0.5, 0.4)],
    "planks": [(0.72, 0.53, 0.32), (0.6, 0.42, 0.26), (0.8, 0.62, 0.4), (0.5, 0.34, 0.22)],
    "stone": [(0.36, 0.48, 0.52), (0.52, 0.6, 0.6), (0.28, 0.38, 0.46), (0.68, 0.7, 0.64)],
    "marble": [(0.86, 0.82, 0.76), (0.3, 0.52, 0.58), (0.86, 0.58, 0.36), (0.2, 0.26, 0.4), (0.9, 0.78, 0.5)],
}


@dataclass(frozen=True, eq=False)
class Atlas:
    """What :func:`kernels.render` reads: see there."""

    texels: UInt8[ndarray, "n 3"]
    levels: Int64[ndarray, "surfaces levels 3"]
    texels_per_unit: Float[ndarray, " surfaces"]


@dataclass(frozen=True, eq=False)
class _Patch:
    """A surface before it is lit: its reflectance, and where its points lie and look."""

    reflectance: Float32[ndarray, "h w 3"]
    points: Float[ndarray, "rows columns 3"]
    normals: Float[ndarray, "rows columns 3"]
    texels_per_unit: float


@lru_cache(maxsize=2)
def paint(diorama: Diorama, seed: int) -> Atlas:
    """Paint, light and shrink all surfaces; kept, because many views are rendered from one."""
    rng = np.random.default_rng(seed)
    sun, sky = _sun_directions(), _sky_directions()
    pictures: list[UInt8[ndarray, "n 3"]] = []
    levels, scales, offset = [], [], 0
    for patch in _patches(diorama, rng):
        picture = _lit(patch, diorama, sun, sky)
        rows = []
        for _ in range(_LEVELS):
            height, width = picture.shape[:2]
            pictures.append(np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8).reshape(-1, 3))
            rows.append((offset, width, height))
            offset += width * height
            picture = cv2.resize(picture, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
        levels.append(rows)
        scales.append(patch.texels_per_unit)
    return Atlas(np.concatenate(pictures), np.array(levels, dtype=np.int64), np.array(scales))


def _patches(diorama: Diorama, rng: np.random.Generator) -> Iterator[_Patch]:
    side, scale = diorama.plaza_side, TEXELS_PER_UNIT
    pixels = round(side * scale)
    yield _ground(textures.paving(rng, pixels, pixels, 0.36 * scale, _PAVING), side, scale)
    side, scale = diorama.lawn_side, _LAWN_TEXELS_PER_UNIT
    pixels = round(side * scale)
    yield _ground(textures.lawn(rng, pixels, pixels, 0.09 * scale), side, scale)
    for box in diorama.boxes:
        for face in range(6):
            yield _box_face(box, face, rng)
    for sphere in diorama.spheres:
        yield _ball(sphere, rng)


def _ground(reflectance: Float32[ndarray, "h w 3"], side: float, scale: float) -> _Patch:
    u, v = _grid(*reflectance.shape[:2])
    points = np.stack([(u - 0.5) * side, (v - 0.5) * side, np.zeros_like(u)], axis=-1)
    return _Patch(reflectance, points, np.broadcast_to([0.0, 0.0, 1.0], points.shape), scale)


def _box_face(box: Box, face: int, rng: np.random.Generator) -> _Patch:
    half = np.array(box.size) / 2
    axis = face // 2
    across, down = ((1, 2), (0, 2), (0, 1))[axis]
    sign = 1.0 if face % 2 == 0 else -1.0
    height, width = round(2 * half[down] * TEXELS_PER_UNIT), round(2 * half[across] * TEXELS_PER_UNIT)
    u, v = _grid(height, width)
    local = np.empty((*u.shape, 3))
    local[..., axis] = sign * half[axis]
    local[..., across] = (2 * u - 1) * half[across]
    local[..., down] = ((1 - 2 * v) if down == 2 else (2 * v - 1)) * half[down]
    normal = np.zeros(3)
    normal[axis] = sign
    c, s = np.cos(box.yaw), np.sin(box.yaw)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    points = local @ turn.T + np.array(box.centre)
    material: Material = "stone" if axis == 2 and box.material == "facade" else box.material
    reflectance = _reflectance(material, height, width, rng)
    return _Patch(reflectance, points, np.broadcast_to(turn @ normal, points.shape), TEXELS_PER_UNIT)


def _ball(sphere: Sphere, rng: np.random.Generator) -> _Patch:
    pixels = round(4 * sphere.radius * TEXELS_PER_UNIT)
    u, v = _grid(pixels, pixels)
    x, y = 4 * u - 2, 4 * v - 2  # Lambert's azimuthal equal-area map: a disc of radius 2
    shrink = np.minimum(1, 2 / np.maximum(np.hypot(x, y), 1e-9))
    x, y = x * shrink, y * shrink
    squared = x * x + y * y
    tilt = np.sqrt(np.maximum(0, 1 - squared / 4))
    normals = np.stack([x * tilt, y * tilt, 1 - squared / 2], axis=-1)
    reflectance = _reflectance(sphere.material, pixels, pixels, rng)
    return _Patch(reflectance, normals * sphere.radius + np.array(sphere.centre), normals, TEXELS_PER_UNIT)


def _reflectance(material: Material, height: int, width: int, rng: np.random.Generator) -> Float32[ndarray, "h w 3"]:
    palette, unit = _PALETTES[material], TEXELS_PER_UNIT
    match material:
        case "facade":
            return textures.facade(rng, height, width, 0.36 * unit, palette)
        case "brick":
            return textures.bricks(rng, height, width, 0.075 * unit, palette)
        case "planks":
            return textures.planks(rng, height, width, 0.09 * unit, palette)
        case "stone":
            return textures.paving(rng, height, width, 0.13 * unit, palette)
        case "marble":
            return textures.marble(rng, height, width, 0.22 * unit, palette)


def _lit(
    patch: _Patch, diorama: Diorama, sun: Float[ndarray, "m 3"], sky: Float[ndarray, "k 3"]
) -> Float32[ndarray, "h w 3"]:
    """Reflectance times light, both linear, back to sRGB. Light is soft, so it is computed on a coarser grid."""
    shares = np.empty((patch.points.shape[0] * patch.points.shape[1], 2))
    points, normals = (np.ascontiguousarray(a.reshape(-1, 3)) for a in (patch.points, patch.normals))
    kernels.light(diorama.box_rows(), diorama.sphere_rows(), points, normals, sun, sky, shares)
    coarse = (shares[:, :1] * _SUN_LIGHT + shares[:, 1:] * _SKY_LIGHT).astype(np.float32)
    height, width = patch.reflectance.shape[:2]
    arrived = cv2.resize(coarse.reshape(*patch.points.shape), (width, height), interpolation=cv2.INTER_LINEAR)
    gamma = np.float32(1 / 2.2)  # sRGB's curve, near enough for paint
    lit: Float32[ndarray, "h w 3"] = np.clip(np.clip(patch.reflectance, 0.02, 1) * np.power(arrived, gamma), 0, 1)
    return lit


def _grid(height: int, width: int) -> tuple[Float[ndarray, "r c"], Float[ndarray, "r c"]]:
    """(u, v) of the middles of the light's cells, as ``cv2.resize`` places them."""
    rows, columns = max(2, height // _LIGHT_EVERY_TEXELS), max(2, width // _LIGHT_EVERY_TEXELS)
    v, u = np.mgrid[0:rows, 0:columns] + 0.5
    return u / columns, v / rows


def _sun_directions() -> Float[ndarray, "m 3"]:
    """48 directions over a broad disc around the sun, sunflower-spaced."""
    towards = _SUN / np.linalg.norm(_SUN)
    x = np.cross(towards, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    y = np.cross(towards, x)
    i = np.arange(48) + 0.5
    radius, angle = 0.09 * np.sqrt(i / 48), i * np.pi * (3 - np.sqrt(5))
    directions = towards + radius[:, None] * (np.cos(angle)[:, None] * x + np.sin(angle)[:, None] * y)
    normalised: Float[ndarray, "m 3"] = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return normalised


def _sky_directions() -> Float[ndarray, "k 3"]:
    """64 cosine-weighted directions about +z, sunflower-spaced (Malley's method)."""
    i = np.arange(64) + 0.5
    radius, angle = np.sqrt(i / 64), i * np.pi * (3 - np.sqrt(5))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), np.sqrt(1 - radius**2)], axis=1)

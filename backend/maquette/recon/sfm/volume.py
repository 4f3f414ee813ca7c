"""First points where photos share too few spots: on the visual hull of silhouettes, or anywhere that cameras look.

A subject before a plain background shows its silhouette; what lies inside of all of them is its visual hull (Laurentini
1994), found by asking a grid of points. Without silhouettes nothing is known but where the cameras look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from maquette.recon.scene import View

LOOK_PX = 800
"""Silhouettes are looked for in photos reduced to this long side."""
PLAIN_SHARE, PLAIN_DIFFERENCE = 0.8, 20
"""Of a photo's border: how much must differ by less than this (of 255) from the border's median."""
SUBJECT_SHARE = (0.005, 0.9)
"""Of a photo: how much its subject must fill to be one."""
PLAIN_VIEWS = 0.8
"""Of all photos: how many need a silhouette."""
GRID = 64
SEEN_BY, INSIDE_OF = 0.6, 0.95
"""Of all cameras: how many must have a point in view; of these, in how many silhouettes it must lie. Not all: one bad
silhouette would carve everything away."""
MOST_POINTS = 6000
RANDOM_POINTS = 3000


@dataclass(frozen=True, eq=False)
class Seeds:
    """Points (world units) with sRGB colours, and where they come from: ``silhouettes`` or ``volume``."""

    points: Float[ndarray, "n 3"]
    colors: UInt8[ndarray, "n 3"]
    points_from: str


def seeds(views: Sequence[View], seed: int) -> Seeds:
    """Points to begin from: on the visual hull where most photos show a silhouette, else anywhere in the volume."""
    pictures = [_read(view.image_path) for view in views]
    centre, radius = looked_at(views)
    silhouettes = [_silhouette(picture) for picture in pictures]
    if sum(found is not None for found in silhouettes) >= PLAIN_VIEWS * len(views):
        hull = _hull(views, silhouettes, centre, radius)
        if len(hull):
            rng = np.random.default_rng([seed, 3])
            kept = np.sort(rng.choice(len(hull), min(MOST_POINTS, len(hull)), replace=False))
            return Seeds(hull[kept], _colors(hull[kept], centre, views, pictures), "silhouettes")
    points = _anywhere(views, centre, radius, seed)
    return Seeds(points, _colors(points, centre, views, pictures), "volume")


def looked_at(views: Sequence[View]) -> tuple[Float[ndarray, 3], float]:
    """The point nearest to all optical axes, and how far from it the median camera can see sideways.

    Where axes are parallel or apart, the point lies as far ahead of the cameras as these are from each other.
    """
    centres = np.stack([view.camera.centre for view in views])
    ahead = np.stack([view.camera.camera_from_world[2, :3] for view in views])
    across = np.eye(3)[None] - ahead[:, :, None] * ahead[:, None, :]
    nearest: Float[ndarray, 3] = np.linalg.lstsq(across.sum(0), np.einsum("nij,nj->i", across, centres), rcond=None)[0]
    spread = float(np.linalg.norm(centres - centres.mean(axis=0), axis=1).max())
    depth = ((nearest - centres) * ahead).sum(axis=1)
    if np.median(depth) <= 0.1 * spread:
        nearest = (centres + ahead * spread).mean(axis=0)
        depth = ((nearest - centres) * ahead).sum(axis=1)
    width = [0.5 * max(view.camera.width, view.camera.height) / view.camera.fx for view in views]
    return nearest, float(np.median(np.abs(depth) * np.array(width)))


def _read(path: Path) -> UInt8[ndarray, "h w 3"]:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        raise FileNotFoundError(path.name)
    scale = LOOK_PX / max(picture.shape[:2])
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(picture[..., ::-1], dtype=np.uint8)


def _silhouette(picture: UInt8[ndarray, "h w 3"]) -> Bool[ndarray, "h w"] | None:
    """Where something stands before a plain background, dark shadows filled; None where there is no such thing."""
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]]).astype(np.int16)
    middle = np.median(border, axis=0)
    off = np.abs(border - middle).max(axis=1)
    if np.mean(off < PLAIN_DIFFERENCE) < PLAIN_SHARE:
        return None
    difference = np.abs(picture.astype(np.int16) - middle).max(axis=2)
    noise = float(np.quantile(off[off < PLAIN_DIFFERENCE], 0.99))
    stands = (difference > max(12.0, 1.5 * noise)).astype(np.uint8)
    size = max(3, round(0.012 * max(stands.shape))) | 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    stands = cv2.morphologyEx(
        cv2.morphologyEx(stands, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), cv2.MORPH_CLOSE, disc
    )
    contours, _ = cv2.findContours(stands, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    large = [contour for contour in contours if cv2.contourArea(contour) > 0.002 * stands.size]
    filled = np.zeros_like(stands)
    cv2.drawContours(filled, large, -1, 1, cv2.FILLED)
    least, most = SUBJECT_SHARE
    return filled.astype(np.bool_) if least < filled.mean() < most else None


def _hull(
    views: Sequence[View], silhouettes: Sequence[ndarray | None], centre: Float[ndarray, 3], radius: float
) -> Float[ndarray, "n 3"]:
    """The outermost points of a grid that silhouettes hold; twice, the second time in a box around the first hull."""
    low, high = centre - radius, centre + radius
    shell = np.zeros((0, 3))
    for _ in range(2):
        axes = [np.linspace(low[i], high[i], GRID) for i in range(3)]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        seen, inside = np.zeros(len(grid), np.int32), np.zeros(len(grid), np.int32)
        for view, silhouette in zip(views, silhouettes, strict=True):
            if silhouette is None:
                continue
            row, column, visible = _spots(grid, view, silhouette.shape)
            seen += visible
            inside[visible] += silhouette[row[visible], column[visible]]
        used = sum(silhouette is not None for silhouette in silhouettes)
        held = ((seen >= SEEN_BY * used) & (inside >= INSIDE_OF * seen)).reshape(GRID, GRID, GRID)
        if not held.any():
            return np.zeros((0, 3))
        padded = np.pad(held, 1)
        core = np.logical_and.reduce(
            [np.roll(padded, step, axis)[1:-1, 1:-1, 1:-1] for axis in range(3) for step in (-1, 1)]
        )
        shell = grid[(held & ~core).ravel()]
        margin = 2 * (high - low) / GRID
        low, high = shell.min(axis=0) - margin, shell.max(axis=0) + margin
    return shell


def _anywhere(views: Sequence[View], centre: Float[ndarray, 3], radius: float, seed: int) -> Float[ndarray, "n 3"]:
    """Random points in the ball that the cameras look at, those that a third of them have in view."""
    rng = np.random.default_rng([seed, 4])
    directions = rng.normal(size=(4 * RANDOM_POINTS, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    places = centre + directions * (radius * rng.random((len(directions), 1)) ** (1 / 3))
    seen = sum(_spots(places, view, (view.camera.height, view.camera.width))[2].astype(np.int32) for view in views)
    return places[np.asarray(seen) * 3 >= len(views)][:RANDOM_POINTS]


def _spots(
    points: Float[ndarray, "n 3"], view: View, shape: tuple[int, ...]
) -> tuple[ndarray, ndarray, Bool[ndarray, " n"]]:
    """Row and column of each point in a picture of ``shape``, and whether it is in view."""
    camera = view.camera.resized(shape[1], shape[0])
    inside = points @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]
    depth = np.where(inside[:, 2] > 1e-9, inside[:, 2], np.inf)
    column = np.floor(inside[:, 0] / depth * camera.fx + camera.cx).astype(np.int64)
    row = np.floor(inside[:, 1] / depth * camera.fy + camera.cy).astype(np.int64)
    visible = np.isfinite(depth) & (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    return row, column, visible


def _colors(
    points: Float[ndarray, "n 3"], centre: Float[ndarray, 3], views: Sequence[View], pictures: Sequence[ndarray]
) -> UInt8[ndarray, "n 3"]:
    """What the camera shows that looks at each point most squarely from outside."""
    outward = points - centre
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-12)
    best = np.full(len(points), -np.inf)
    colors = np.full((len(points), 3), 128, np.uint8)
    for view, picture in zip(views, pictures, strict=True):
        row, column, visible = _spots(points, view, picture.shape[:2])
        towards = view.camera.centre - points
        towards /= np.maximum(np.linalg.norm(towards, axis=1, keepdims=True), 1e-12)
        squarely = np.where(visible, (towards * outward).sum(axis=1), -np.inf)
        better = squarely > best
        best[better] = squarely[better]
        colors[better] = picture[row[better], column[better]]
    return colors

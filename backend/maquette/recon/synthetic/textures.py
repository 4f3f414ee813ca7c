"""Procedural surfaces that never repeat, so that every patch can be told from every other.

Each function answers sRGB reflectance from 0 to 1 and is fixed by its random generator.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32, Int32
from numpy import ndarray

Colour = tuple[float, float, float]


def clouds(
    rng: np.random.Generator, height: int, width: int, cell_px: float, octaves: int = 5
) -> Float32[ndarray, "{height} {width}"]:
    """Smooth noise about 0 with a spread of about 1: octaves of random grids, the coarsest ``cell_px`` wide."""
    total = np.zeros((height, width), np.float32)
    weight = 1.0
    for octave in range(octaves):
        cell = cell_px / 2**octave
        if cell < 1.5:
            break
        grid = rng.standard_normal((int(height / cell) + 3, int(width / cell) + 3)).astype(np.float32)
        fine = cv2.resize(grid, None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC)
        total += np.float32(weight) * fine[:height, :width]
        weight *= 0.62
    total /= max(float(total.std()), 1e-6)
    return total


def paving(
    rng: np.random.Generator, height: int, width: int, stone_px: float, palette: Sequence[Colour]
) -> Float32[ndarray, "{height} {width} 3"]:
    """Irregular stones (the cells of scattered sites) with joints, each of its own colour and grain."""
    rows, columns = max(2, round(height / stone_px)), max(2, round(width / stone_px))
    y = (np.arange(rows)[:, None] + rng.uniform(0.1, 0.9, (rows, columns))) * height / rows
    x = (np.arange(columns)[None] + rng.uniform(0.1, 0.9, (rows, columns))) * width / columns
    sites = np.full((height, width), 255, np.uint8)
    sites[y.astype(int).clip(0, height - 1), x.astype(int).clip(0, width - 1)] = 0
    _, labels = cv2.distanceTransformWithLabels(sites, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    colour: Float32[ndarray, "h w 3"] = _palette_of(rng, palette, int(labels.max()) + 1)[labels]
    colour *= 1 + 0.10 * clouds(rng, height, width, stone_px / 2)[..., None]
    colour *= _joints(labels, stone_px * 0.045)[..., None]
    return colour


def bricks(
    rng: np.random.Generator, height: int, width: int, course_px: float, palette: Sequence[Colour]
) -> Float32[ndarray, "{height} {width} 3"]:
    """Courses of bricks of random length and colour."""
    courses = max(2, round(height / course_px))
    rows = np.minimum((np.arange(height) * courses) // height, courses - 1)
    labels = np.zeros((height, width), np.int32)
    count = 0
    for course in range(courses):
        ends = np.cumsum(rng.uniform(1.3, 3.2, int(width / course_px) + 4)) * course_px - rng.uniform(0, 2) * course_px
        labels[rows == course] = count + np.searchsorted(ends, np.arange(width))
        count += len(ends) + 1
    colour: Float32[ndarray, "h w 3"] = _palette_of(rng, palette, count + 1)[labels]
    colour *= 1 + 0.10 * clouds(rng, height, width, course_px)[..., None]
    colour *= _joints(labels, course_px * 0.07)[..., None]
    return colour


def planks(
    rng: np.random.Generator, height: int, width: int, board_px: float, palette: Sequence[Colour]
) -> Float32[ndarray, "{height} {width} 3"]:
    """Boards along the width, with grain and knots."""
    grain = cv2.resize(clouds(rng, height, max(8, width // 8), board_px / 2), (width, height))
    rings = np.sin(9 * clouds(rng, height, width, board_px * 2.5, octaves=2) + 3 * grain)
    return bricks(rng, height, width, board_px, palette) * (1 + 0.09 * grain + 0.07 * rings)[..., None]


def facade(
    rng: np.random.Generator, height: int, width: int, storey_px: float, palette: Sequence[Colour]
) -> Float32[ndarray, "{height} {width} 3"]:
    """Weathered plaster with windows, no two of the same size and colour."""
    stains = clouds(rng, height, width, storey_px * 1.4, octaves=6)
    wall = np.array(palette[0], np.float32) * (1 + 0.11 * stains + 0.05 * clouds(rng, height, width, 6.0))[..., None]
    rows, columns = max(1, int(height / storey_px)), max(1, int(width / storey_px))
    glass = np.array(palette[1:], np.float32)
    for row in range(rows):
        for column in range(columns):
            middle_y, middle_x = (row + 0.5) * height / rows, (column + 0.5) * width / columns
            high, wide = rng.uniform(0.24, 0.34) * storey_px, rng.uniform(0.18, 0.3) * storey_px
            top, left = int(middle_y - high + rng.normal(0, 2)), int(middle_x - wide + rng.normal(0, 3))
            bottom, right = int(middle_y + high), int(middle_x + wide)
            frame = max(2, int(storey_px * 0.05))
            wall[max(0, top - frame) : bottom + 2 * frame, max(0, left - frame) : right + frame] = (0.88, 0.86, 0.8)
            pane = wall[max(0, top) : bottom, max(0, left) : right]
            pane[:] = glass[rng.integers(len(glass))] * rng.uniform(0.7, 1.15)
            pane *= (1 + 0.22 * clouds(rng, pane.shape[0], pane.shape[1], storey_px / 3))[..., None]
            bar = left + int((right - left) * rng.uniform(0.35, 0.65))
            wall[max(0, top) : bottom, bar : bar + max(2, frame // 2)] = (0.85, 0.83, 0.78)
    return wall


def marble(
    rng: np.random.Generator, height: int, width: int, vein_px: float, palette: Sequence[Colour]
) -> Float32[ndarray, "{height} {width} 3"]:
    """Bands of the palette's colours folded by noise, with dark veins."""
    fold = clouds(rng, height, width, vein_px * 2, octaves=6)
    position = (fold * 0.9 + np.linspace(0, 5, height, dtype=np.float32)[:, None]) % len(palette)
    colours = np.array([*palette, palette[0]], np.float32)
    lower = position.astype(int)
    share = (position - lower)[..., None]
    colour = colours[lower] * (1 - share) + colours[lower + 1] * share
    veins = np.exp(-((np.abs(clouds(rng, height, width, vein_px)) * 9) ** 2))
    veined: Float32[ndarray, "h w 3"] = (colour * (1 - 0.55 * veins[..., None])).astype(np.float32)
    return veined


def lawn(rng: np.random.Generator, height: int, width: int, tuft_px: float) -> Float32[ndarray, "{height} {width} 3"]:
    """Grass in patches of several greens, with fallen leaves."""
    patches = clouds(rng, height, width, tuft_px * 12)[..., None]
    blades = clouds(rng, height, width, tuft_px, octaves=4)[..., None]
    colour = np.array((0.36, 0.46, 0.22), np.float32) * (1 + 0.16 * blades)
    colour += patches * np.array((0.045, 0.03, -0.005), np.float32)
    leaves = clouds(rng, height, width, tuft_px * 0.9, octaves=2) > 2.1
    colour[leaves] = _palette_of(rng, [(0.72, 0.55, 0.22), (0.62, 0.36, 0.2), (0.8, 0.74, 0.5)], int(leaves.sum()))
    return colour.astype(np.float32)


def _palette_of(rng: np.random.Generator, palette: Sequence[Colour], count: int) -> Float32[ndarray, "{count} 3"]:
    colours = np.array(palette, np.float32)[rng.integers(len(palette), size=count)]
    return (colours * rng.uniform(0.78, 1.18, (count, 1)) + rng.normal(0, 0.025, (count, 3))).astype(np.float32)


def _joints(labels: Int32[ndarray, "h w"], width_px: float) -> Float32[ndarray, "h w"]:
    """1 inside the pieces, falling to 0.5 within ``width_px`` of the border between two labels."""
    inside = np.full(labels.shape, 255, np.uint8)
    inside[:, 1:][labels[:, 1:] != labels[:, :-1]] = 0
    inside[1:][labels[1:] != labels[:-1]] = 0
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_3)
    joints: Float32[ndarray, "h w"] = 0.5 + 0.5 * np.clip(distance / max(width_px, 1.0) - 0.4, 0, 1)
    return joints

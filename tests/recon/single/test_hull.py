"""The hull of a ball seen from all around is about that ball, coloured as it is seen."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.recon.single.hull import coloured_hull
from maquette.recon.single.view_models import HALF_EXTENT, KNOWN, ZERO123PLUS


def ball(radius: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pictures and masks of a ball at the origin: red where x > 0, else green."""
    pictures, masks = [], []
    for camera in KNOWN[ZERO123PLUS].cameras():
        column, row = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
        rays = np.stack([(column - camera.cx) / camera.fx, (row - camera.cy) / camera.fy, np.ones_like(row)], axis=-1)
        rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
        rays = rays @ camera.camera_from_world[:3, :3]
        along = -(rays @ camera.centre)
        square = radius**2 - (camera.centre @ camera.centre - along**2)
        hit = square > 0
        at = camera.centre + (along - np.sqrt(np.maximum(square, 0)))[..., None] * rays
        red = hit & (at[..., 0] > 0)
        picture = np.zeros((*hit.shape, 3), np.uint8)
        picture[red], picture[hit & ~red] = (220, 0, 0), (0, 220, 0)
        pictures.append(picture)
        masks.append(np.where(hit, 255, 0).astype(np.uint8))
    return pictures, masks


def test_a_ball_comes_back() -> None:
    pictures, masks = ball(0.7)
    points, colors, missed = coloured_hull(KNOWN[ZERO123PLUS].cameras(), pictures, masks, HALF_EXTENT)
    assert missed == 0 and len(points) == len(colors) > 2000
    radii = np.linalg.norm(points, axis=1)
    # Six outlines leave corners beside the ball, and nothing inside it.
    assert radii.min() > 0.7 - 0.05 and radii.max() < 0.7 * 1.35
    right = points[:, 0] > 0.15
    assert (colors[right, 0] > colors[right, 1]).mean() > 0.95
    left = points[:, 0] < -0.15
    assert (colors[left, 1] > colors[left, 0]).mean() > 0.95


def test_an_outline_that_contradicts_the_others_is_let_go_and_counted() -> None:
    pictures, masks = ball(0.7)
    masks[2] = np.zeros_like(masks[2])
    masks[2][:40, :40] = 255
    points, _, missed = coloured_hull(KNOWN[ZERO123PLUS].cameras(), pictures, masks, HALF_EXTENT)
    assert missed == 1 and np.linalg.norm(points.mean(axis=0)) == pytest.approx(0, abs=0.1)
    nothing, _, missed = coloured_hull(
        KNOWN[ZERO123PLUS].cameras(), pictures, [np.zeros_like(mask) for mask in masks], HALF_EXTENT
    )
    assert len(nothing) == 0 and missed == 6

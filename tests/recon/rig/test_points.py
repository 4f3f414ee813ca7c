"""What of a picture is the object, and which points of the depth pictures are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from tests.recon.rig.figure import PARTS, Making, photograph, rotation, write

from maquette.recon.cameras import Camera
from maquette.recon.rig.points import DepthPicture, fuse
from maquette.recon.rig.reading import read_rig
from maquette.recon.rig.sides import SIDES
from maquette.recon.rig.silhouettes import silhouette_of

MAKING = Making(size=160)


def true_pictures() -> list[DepthPicture]:
    pictures = []
    for side in SIDES:
        pixels, depth = photograph(MAKING, side)
        pose = np.eye(4)
        pose[:3, :3], pose[2, 3] = rotation(MAKING, side), 1.0
        focal_px, middle = MAKING.focal * MAKING.size, MAKING.size / 2
        camera = Camera(MAKING.size, MAKING.size, focal_px, focal_px, middle, middle, pose)
        seen = np.where(depth > 0, 255, 0).astype(np.uint8)
        pictures.append(DepthPicture(camera, depth.astype(np.float32), pixels, seen))
    return pictures


def above_surface(points: np.ndarray) -> np.ndarray:
    """0 on the figure, positive outside, in half axes of the part it is nearest to."""
    centres, axes = np.moveaxis(MAKING.object_size * np.array(PARTS), 1, 0)
    return np.asarray((np.linalg.norm((points[:, None] - centres) / axes, axis=2) - 1).min(axis=1))


def test_points_lie_on_the_figure_in_its_colours() -> None:
    points, colors, dropped = fuse(true_pictures(), wanted=2000)
    assert 1000 < len(points) < 4000
    assert np.abs(above_surface(points)).max() < 0.02
    assert dropped < 0.01
    assert (colors < 255).any(axis=1).all()


def test_what_two_sides_contradict_is_dropped() -> None:
    pictures = true_pictures()
    # The front camera claims to see the whole figure a good deal nearer than it is.
    pictures[0] = replace(pictures[0], depth=(0.6 * pictures[0].depth).astype(np.float32))
    points, _, dropped = fuse(pictures, wanted=2000)
    assert dropped > 0.05
    assert (above_surface(points) > 0.5).mean() < 0.02


def test_the_object_is_found_before_its_background(tmp_path: Path) -> None:
    for view in read_rig(*write(MAKING, tmp_path)):
        found = silhouette_of(view) >= 128
        assert (found & view.known).sum() / (found | view.known).sum() > 0.93
        alpha = np.where(view.known, 200, 0).astype(np.uint8)
        np.testing.assert_array_equal(silhouette_of(replace(view, alpha=alpha)), alpha)


def test_a_shadow_beside_the_object_is_none_of_it(tmp_path: Path) -> None:
    view = read_rig(*write(MAKING, tmp_path))[2]
    shaded = view.pixels.copy()
    rows, columns = np.nonzero(view.known)
    shaded[rows.max() + 1 : rows.max() + 4, columns.min() : columns.max()] = 225
    found = silhouette_of(replace(view, pixels=shaded)) >= 128
    assert (found & view.known).sum() / (found | view.known).sum() > 0.9

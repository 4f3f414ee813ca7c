"""Reliefs of known shape looked at from known places: what is seen lands where geometry says, the rest is unknown."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.recon.cameras import Camera
from maquette.recon.single.honest import LEAST_DEG, MOST_UNKNOWN, camera_at, honest_range, honest_viewpoints
from maquette.recon.single.surface import Relief, make_relief
from maquette.recon.single.sweep import look

SIZE, FOCAL = 200, 240.0


def step(near: float = 1.0, far: float = 2.0) -> Relief:
    """A whole picture: a green square at ``near`` in the middle of a red wall at ``far``."""
    depth = np.full((SIZE, SIZE), far, np.float32)
    depth[70:130, 70:130] = near
    pixels = np.full((SIZE, SIZE, 3), (200, 0, 0), np.uint8)
    pixels[70:130, 70:130] = (0, 200, 0)
    pose = np.eye(4)
    pose[2, 3] = far
    camera = Camera(SIZE, SIZE, FOCAL, FOCAL, SIZE / 2, SIZE / 2, pose)
    inside = np.ones((SIZE, SIZE), np.bool_)
    return Relief(pixels, depth, inside, camera, far, np.full((SIZE, SIZE), 3, np.float32), whole=True)


def moved(relief: Relief, right: float) -> Camera:
    """The relief's camera a little to its right, turned nowhere."""
    own = relief.camera
    pose = own.camera_from_world.copy()
    pose[0, 3] -= right
    return Camera(own.width, own.height, own.fx, own.fy, own.cx, own.cy, pose)


def test_from_where_it_was_taken_it_is_the_photo() -> None:
    relief = step()
    seen = look(relief, relief.camera)
    assert seen.known[3:-3, 3:-3].mean() > 0.97, "all but the jump of the depth"
    inner = seen.known & (seen.depth > 0)
    assert np.abs(seen.pixels[inner].astype(int) - relief.pixels[inner]).mean() < 1
    assert np.abs(seen.depth[inner] - relief.depth[inner]).max() < 0.02


def test_from_the_right_things_move_by_their_depth_and_leave_a_gap() -> None:
    relief, right = step(), 0.1
    seen = look(relief, moved(relief, right))
    # x' = x - f b / z: 24 px for the square, 12 px for the wall.
    green = (seen.pixels[100, :, 1] > 150) & seen.known[100]
    columns = np.flatnonzero(green)
    assert columns[0] == pytest.approx(70 - 24, abs=2) and columns[-1] == pytest.approx(129 - 24, abs=2)
    red = (seen.pixels[100, :, 0] > 150) & seen.known[100]
    # Right of the square, 12 px of wall that it hid before; and at the right edge 12 px that were not in the photo.
    gap = np.flatnonzero(~seen.known[100])
    assert ((gap >= 104) & (gap < 120)).sum() == pytest.approx(12, abs=3)
    assert (gap >= SIZE - 13).sum() == pytest.approx(12, abs=2)
    assert red[:40].all() and red[125:180].all() and not red[columns[0] : columns[-1]].any()
    assert seen.depth[100, 60] == pytest.approx(1.0, abs=0.01) and seen.depth[100, 20] == pytest.approx(2.0, abs=0.01)
    assert seen.unknown_share == pytest.approx((60 * 12 + SIZE * 12) / SIZE**2, rel=0.25)
    assert (seen.pixels[~seen.known] == 0).all()


def test_beside_an_object_nothing_is_known_to_be_and_its_far_side_is_not() -> None:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[60:140, 60:140] = 255
    inverse = np.ones((SIZE, SIZE), np.float32)
    relief = make_relief(np.full((SIZE, SIZE, 3), 180, np.uint8), inverse, mask, 45.0)
    assert not relief.whole
    seen = look(relief, camera_at(relief, 20.0, 0.0))
    row = SIZE // 2
    unknown = np.flatnonzero(~seen.known[row])
    shown = np.flatnonzero(seen.depth[row] > 0)
    # From its right, its right side comes into view, of which the photo shows nothing.
    assert len(unknown) > 3 and unknown.min() >= shown.max()
    assert seen.known[:40].all() and seen.known[:, :30].all(), "well beside it there is nothing, and that is known"
    assert (seen.pixels[:40] == 0).all()


def bumped(height: float) -> Relief:
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) / SIZE - 0.5
    mask = np.where(x**2 + y**2 < 0.09, 255, 0).astype(np.uint8)
    inverse = (1 + height * np.maximum(0.09 - x**2 - y**2, 0)).astype(np.float32)
    return make_relief(np.full((SIZE, SIZE, 3), 90, np.uint8), inverse, mask, 45.0)


def test_the_more_a_picture_hides_the_less_far_one_may_go() -> None:
    flat, shallow, deep = (honest_range(step(near, 2.0)) for near in (2.0, 1.7, 0.8))
    assert flat.left >= shallow.left > deep.left >= LEAST_DEG
    assert flat.up >= shallow.up > deep.up
    assert abs(deep.left - deep.right) <= 2.5, "it is the same from both sides"


def test_viewpoints_are_honest_apart_and_no_more_than_asked() -> None:
    relief = bumped(3.0)
    within = honest_range(relief, 20.0)
    places = honest_viewpoints(relief, within, 16)
    assert 2 <= len(places) <= 16 and len(set(places)) == len(places)
    for azimuth, elevation in places:
        assert -within.left <= azimuth <= within.right and -within.down <= elevation <= within.up
        assert look(relief, camera_at(relief, azimuth, elevation)).unknown_share <= MOST_UNKNOWN + 0.03
    together = [(0.0, 0.0), *places]
    distances = [np.hypot(a - c, b - d) for i, (a, b) in enumerate(together) for c, d in together[:i]]
    assert min(distances) >= min(4.99, max(within.left, within.right, within.up, within.down) * 0.7)
    assert honest_viewpoints(relief, within, 3) == places[:3]


def test_a_relief_has_the_stated_depth_and_ignores_what_mixes_at_its_outline() -> None:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[50:150, 60:140] = 255
    inverse = np.full((SIZE, SIZE), 0.0, np.float32)
    inverse[50:150, 60:140] = np.linspace(5, 6, 80, dtype=np.float32)
    inverse[50, 60:140] = 0.5  # a network's blur between the object and what is behind
    relief = make_relief(np.zeros((SIZE, SIZE, 3), np.uint8), inverse, mask, 45.0)
    seen = relief.depth[relief.inside]
    focal = SIZE / 2 / np.tan(np.radians(22.5))
    assert seen.max() - seen.min() == pytest.approx(0.6 * 80 / focal, rel=0.05)
    assert np.abs(relief.depth[50, 60:140] - relief.depth[54, 60:140]).max() < 1e-6
    # Nearer is where the inverse depth is higher, and the middle is the origin.
    assert relief.depth[100, 65] > relief.depth[100, 135]
    assert relief.camera.camera_from_world[2, 3] == pytest.approx(relief.distance)


def test_without_any_depth_it_is_a_flat_picture() -> None:
    relief = make_relief(np.zeros((SIZE, SIZE, 3), np.uint8), np.full((SIZE, SIZE), 7.0, np.float32), None, 45.0)
    assert np.ptp(relief.depth) == 0 and relief.whole

"""Which Gaussians several photos see, on a scene where the answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians
from maquette.recon.scene import Scene, View
from maquette.recon.support import views_seeing


def camera_at(x: float) -> Camera:
    pose = np.eye(4)
    pose[0, 3] = -x
    return Camera(64, 48, 60.0, 60.0, 32.0, 24.0, pose)


def scene_of(*places: float) -> Scene:
    views = tuple(View(f"{x}.jpg", camera_at(x), Path(f"{x}.jpg")) for x in places)
    return Scene(views, np.zeros((1, 3)), np.zeros((1, 3), np.uint8))


def gaussians_at(places: list[list[float]], logits: list[float], size: float = 0.05) -> Gaussians:
    count = len(places)
    return Gaussians(
        means=np.array(places, np.float32),
        log_scales=np.full((count, 3), np.log(size), np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        opacity_logits=np.array(logits, np.float32),
        sh=np.full((count, 1, 3), 0.5, np.float32),
    )


def test_counts_the_views_that_draw_a_gaussian() -> None:
    scene = scene_of(-0.5, 0.0, 0.5)
    model = gaussians_at(
        [
            [0.0, 0.0, 3.0],  # in front of all three
            [1.9, 0.0, 3.0],  # inside the right camera's picture only
            [0.0, 0.0, -3.0],  # behind all
        ],
        [3.0, 3.0, 3.0],
    )
    assert views_seeing(model, scene, [0, 1, 2]).tolist() == [3, 1, 0]
    assert views_seeing(model, scene, [0, 1]).tolist() == [2, 0, 0]


def test_what_is_hidden_or_faint_is_not_seen() -> None:
    scene = scene_of(0.0, 0.01)
    wall = [[x, y, 2.0] for x in np.linspace(-1, 1, 21) for y in np.linspace(-1, 1, 21)]
    model = gaussians_at([*wall, [0.0, 0.0, 3.0], [0.3, 0.3, 1.5]], [6.0] * len(wall) + [6.0, -6.0], size=0.15)
    seen = views_seeing(model, scene, [0, 1])
    assert seen[len(wall) // 2] == 2
    assert seen[-2] == 0, "behind an opaque wall"
    assert seen[-1] == 0, "almost transparent"

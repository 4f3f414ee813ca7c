"""Depth consistency: one where views agree on a surface, less the more hangs in the air before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.recon.multiview.walls import HEIGHT, WIDTH, camera_at, look

from maquette.recon.depth_consistency import confirmed_share, depth_consistency
from maquette.recon.gaussians import Gaussians
from maquette.recon.synthetic import true_depth
from maquette.recon.synthetic.diorama import VILLAGE
from maquette.recon.synthetic.orbit import orbit

CAMERAS = [camera_at(x) for x in (-0.6, -0.3, 0.0, 0.3, 0.6)]


def wall(seed: int = 0) -> Gaussians:
    """Opaque flat Gaussians at z = 4, close enough together to leave no hole, as wide as all cameras see."""
    x, y = np.meshgrid(np.arange(-4, 4.01, 0.1), np.arange(-2.5, 2.51, 0.1))
    count = x.size
    return Gaussians(
        means=np.stack([x.ravel(), y.ravel(), np.full(count, 4.0)], axis=1).astype(np.float32),
        log_scales=np.tile(np.log(np.float32([0.08, 0.08, 0.001])), (count, 1)),
        quaternions=np.tile(np.float32([1, 0, 0, 0]), (count, 1)),
        opacity_logits=np.full(count, 3.0, np.float32),
        sh=np.random.default_rng(seed).normal(0, 0.3, (count, 1, 3)).astype(np.float32),
    )


def with_floaters(gaussians: Gaussians, count: int, seed: int = 1) -> Gaussians:
    """Half transparent blobs between cameras and wall."""
    rng = np.random.default_rng(seed)
    where = rng.uniform([-2, -1, 1.5], [2, 1, 3], (count, 3)).astype(np.float32)
    return Gaussians(
        means=np.concatenate([gaussians.means, where]),
        log_scales=np.concatenate([gaussians.log_scales, np.full((count, 3), np.log(0.2), np.float32)]),
        quaternions=np.concatenate([gaussians.quaternions, np.tile(np.float32([1, 0, 0, 0]), (count, 1))]),
        opacity_logits=np.concatenate([gaussians.opacity_logits, np.full(count, 0.5, np.float32)]),
        sh=np.concatenate([gaussians.sh, np.zeros((count, 1, 3), np.float32)]),
    )


def mean(gaussians: Gaussians) -> float:
    found = depth_consistency(gaussians, CAMERAS, range(len(CAMERAS)))
    assert sorted(found) == [0, 1, 2, 3, 4] and all(0 <= share <= 1 for share in found.values())
    return float(np.mean(list(found.values())))


def test_a_wall_is_where_all_see_it() -> None:
    assert mean(wall()) > 0.99


def test_it_falls_with_every_floater_more() -> None:
    shares = [mean(with_floaters(wall(), count)) for count in (0, 10, 40)]
    assert shares[0] > shares[1] + 0.005 and shares[1] > shares[2] + 0.05, shares


def test_it_falls_with_noise_in_depth() -> None:
    shares = []
    for noise in (0.0, 0.05, 0.2, 0.6):
        model = wall()
        along_z = np.random.default_rng(2).normal(0, noise, len(model)).astype(np.float32)
        shares.append(mean(replace(model, means=model.means + np.outer(along_z, np.float32([0, 0, 1])))))
    assert shares == sorted(shares, reverse=True) and shares[-1] < shares[0] - 0.1, shares


def test_true_depths_confirm_each_other_and_wrong_ones_do_not() -> None:
    cameras = [camera.resized(160, 120) for camera in orbit(24, 640, 480, 0)]
    depths = [true_depth(VILLAGE, camera) for camera in cameras[:3]]

    def share(subject: np.ndarray) -> float:
        found = confirmed_share(cameras[1], subject, [(cameras[0], depths[0]), (cameras[2], depths[2])])
        assert found is not None
        return found

    rng = np.random.default_rng(3)
    true = share(depths[1])
    assert true > 0.9
    shares = [
        share((depths[1] * (1 + rng.normal(0, noise, depths[1].shape))).astype(np.float32)) for noise in (0.003, 0.03)
    ]
    assert true > shares[0] > shares[1] and shares[1] < 0.35
    assert share(depths[1] * np.float32(1.05)) < 0.1, "the same error everywhere shows too"


def test_pixels_without_a_surface_do_not_count() -> None:
    depth = look(CAMERAS[2])[1]
    other = (CAMERAS[3], look(CAMERAS[3])[1])
    assert confirmed_share(CAMERAS[2], depth, [other]) == 1.0
    hole = depth.copy()
    hole[:, : WIDTH // 2] = 0
    assert confirmed_share(CAMERAS[2], hole, [other]) == 1.0
    hole[:, WIDTH // 2 :] *= np.float32(1.2)
    assert confirmed_share(CAMERAS[2], hole, [other]) == 0.0


def test_half_of_the_witnesses_are_enough_and_fewer_are_not() -> None:
    depth = look(CAMERAS[2])[1]
    true, wrong = look(CAMERAS[3])[1], look(CAMERAS[3])[1] * np.float32(0.8)
    for right, share in ((0, 0.0), (1, 0.0), (2, 1.0), (3, 1.0)):
        witnesses = [(CAMERAS[3], true)] * right + [(CAMERAS[3], wrong)] * (4 - right)
        assert confirmed_share(CAMERAS[2], depth, witnesses) == share


@pytest.mark.parametrize("cameras", [[camera_at()], [camera_at(), camera_at(yaw=np.pi)]])
def test_what_nobody_else_sees_has_no_share(cameras: list) -> None:
    assert depth_consistency(wall(), cameras, [0]) == {}


def test_an_empty_model_has_no_share() -> None:
    nothing = wall().subset(np.zeros(len(wall()), bool))
    assert depth_consistency(nothing, CAMERAS, [0, 1]) == {}
    assert confirmed_share(CAMERAS[0], np.zeros((HEIGHT, WIDTH), np.float32), []) is None

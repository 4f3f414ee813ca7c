"""Masks beside photos: nothing outside the subject is matched, and views weigh what is beside it little."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from maquette.recon.masks import BACKGROUND_WEIGHT
from maquette.recon.scenes.saved import load_saved_scene
from maquette.recon.sfm import SfmResult, place_cameras
from maquette.recon.synthetic import make_capture

WIDTH, HEIGHT, RADII = 640, 480, (300, 222)
UNMASKED = "photo_01.jpg"


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> tuple[SfmResult, Path]:
    root = tmp_path_factory.mktemp("masked")
    capture = make_capture(root / "images", views=10, width=WIDTH, height=HEIGHT)
    (root / "masks").mkdir()
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(drawn, (WIDTH // 2, HEIGHT // 2), RADII, 0, 0, 360, 255, -1)
    for path in capture.paths[1:]:
        cv2.imwrite(str(root / "masks" / f"{path.name}.png"), drawn)
    return place_cameras(root / "images", root / "sfm"), root


def test_no_spot_outside_the_subject_is_used(masked: tuple[SfmResult, Path]) -> None:
    result, _ = masked
    assert len(result.placed) == 10 and UNMASKED in result.placed
    seen = result.observations
    x = (seen.xy[:, 0] - WIDTH / 2) / RADII[0]
    y = (seen.xy[:, 1] - HEIGHT / 2) / RADII[1]
    inside = x**2 + y**2 < 1.05
    unmasked = seen.view == result.placed.index(UNMASKED)
    assert inside[~unmasked].all(), "a spot of the background was matched"
    assert len(seen.view) > 500


def test_views_weigh_the_subject_fully_and_the_rest_a_little(masked: tuple[SfmResult, Path]) -> None:
    result, root = masked
    views = load_saved_scene(root / "sfm" / "scene").views
    assert [view.name for view in views if view.mask_path is None] == [UNMASKED]
    assert [view.mask_path for view in views] == [view.mask_path for view in result.scene.views]
    one = next(view for view in views if view.mask_path is not None)
    weights = cv2.imread(str(one.mask_path), cv2.IMREAD_GRAYSCALE)
    assert weights is not None and weights.shape == (one.camera.height, one.camera.width)
    assert weights[weights.shape[0] // 2, weights.shape[1] // 2] == 255
    assert weights[2, 2] == BACKGROUND_WEIGHT


def test_another_mask_is_another_search(masked: tuple[SfmResult, Path], tmp_path: Path) -> None:
    _, root = masked
    mask = root / "masks" / "extra"
    assert place_cameras(root / "images", root / "sfm").seconds == masked[0].seconds, "it was searched again"
    assert not mask.exists()

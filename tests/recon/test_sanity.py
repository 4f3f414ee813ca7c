"""The sanity gate: models broken on purpose, each found by its name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.recon.multiview.walls import camera_at

from maquette.recon.gaussians import Gaussians
from maquette.recon.sanity import (
    FARTHEST_RADII,
    LARGEST_RADII,
    Finding,
    Shown,
    UnsoundModelError,
    bounds_of,
    check_gaussians,
    check_renders,
    look_of,
    reach,
    refuse_hard,
)
from maquette.recon.scene import Scene, View

NAMES = ("means", "log_scales", "quaternions", "opacity_logits", "sh")
COUNT = 1000


def scene_of(points: np.ndarray) -> Scene:
    """Five cameras within 1.2 of each other: a radius of 0.66."""
    views = tuple(View(f"{i}.jpg", camera_at(x), Path(f"{i}.jpg")) for i, x in enumerate((-0.6, -0.3, 0.0, 0.3, 0.6)))
    return Scene(views, points, np.zeros((len(points), 3), np.uint8))


SCENE = scene_of(np.zeros((0, 3)))


def sound(seed: int = 0) -> Gaussians:
    rng = np.random.default_rng(seed)
    return Gaussians(
        means=rng.normal([0, 0, 3], 1.0, (COUNT, 3)).astype(np.float32),
        log_scales=rng.normal(-3, 0.5, (COUNT, 3)).astype(np.float32),
        quaternions=rng.normal(0, 1, (COUNT, 4)).astype(np.float32),
        opacity_logits=rng.normal(0, 2, COUNT).astype(np.float32),
        sh=rng.normal(0, 0.3, (COUNT, 4, 3)).astype(np.float32),
    )


def codes(findings: list[Finding]) -> list[tuple[str, bool]]:
    assert all(finding.message and finding.suggestion for finding in findings)
    return [(finding.code, finding.hard) for finding in findings]


def test_a_sound_model_passes() -> None:
    assert check_gaussians(sound(), SCENE) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_single_undefined_number_is_no_model(name: str, value: float) -> None:
    model = sound()
    getattr(model, name).flat[77] = value
    found = check_gaussians(model, SCENE)
    assert codes(found) == [("model_not_finite", True)] and found[0].measured == 1


def test_no_gaussian_is_no_model() -> None:
    assert codes(check_gaussians(sound().subset(np.zeros(COUNT, bool)), SCENE)) == [("model_empty", True)]


@pytest.mark.parametrize(
    ("share", "found"),
    [
        (0.01, []),
        (0.02, [("model_outside_scene", False)]),
        (0.5, [("model_outside_scene", False)]),
        (0.51, [("model_outside_scene", True)]),
    ],
)
def test_gaussians_thrown_far_away(share: float, found: list) -> None:
    model = sound()
    model.means[: round(share * COUNT)] = 1.01 * FARTHEST_RADII * SCENE.radius * np.float32([0, 0, 1])
    assert codes(check_gaussians(model, SCENE)) == found
    model.means[: round(share * COUNT)] = 0.99 * FARTHEST_RADII * SCENE.radius * np.float32([0, 0, 1])
    assert check_gaussians(model, SCENE) == [], "that far is sky"


@pytest.mark.parametrize(
    ("share", "found"),
    [(0.01, []), (0.02, [("gaussians_too_large", False)]), (0.51, [("gaussians_too_large", True)])],
)
def test_gaussians_blown_up(share: float, found: list) -> None:
    for axis in range(3):
        model = sound()
        model.log_scales[: round(share * COUNT), axis] = np.log(1.01 * LARGEST_RADII * SCENE.radius)
        assert codes(check_gaussians(model, SCENE)) == found
        model.log_scales[: round(share * COUNT), axis] = np.log(0.99 * LARGEST_RADII * SCENE.radius)
        assert check_gaussians(model, SCENE) == []
    model.log_scales[: round(share * COUNT)] = 1e30
    assert codes(check_gaussians(model, SCENE)) == found, "also where the size itself would overflow"


@pytest.mark.parametrize(
    ("opaque", "found"), [(0, [("opacity_collapsed", True)]), (49, [("opacity_collapsed", False)]), (50, [])]
)
def test_opacities_as_training_resets_them(opaque: int, found: list) -> None:
    model = sound()
    model.opacity_logits[:] = np.log(0.01 / 0.99)
    model.opacity_logits[:opaque] = 0.0
    assert codes(check_gaussians(model, SCENE)) == found


def test_distances_are_judged_by_what_the_cameras_look_at() -> None:
    assert reach(SCENE) == SCENE.radius == pytest.approx(0.66)
    hills = scene_of(np.tile([0.0, 0.0, 50.0], (10, 1)))
    assert reach(hills) == pytest.approx(50.0)
    model = sound()
    model.means[:] = [0, 0, 80]
    assert codes(check_gaussians(model, SCENE)) == [("model_outside_scene", True)]
    assert check_gaussians(model, hills) == []


def test_cameras_at_one_place_without_points_judge_everything_too_far() -> None:
    one = replace(SCENE, views=SCENE.views[:1])
    assert reach(one) == 0.0
    assert ("model_outside_scene", True) in codes(check_gaussians(sound(), one))


def test_every_finding_is_told_at_once_and_hard_ones_refuse() -> None:
    model = sound()
    model.means[:] = 1e6
    model.log_scales[:15] = 50
    model.opacity_logits[:] = -9
    found = check_gaussians(model, SCENE)
    assert codes(found) == [
        ("model_outside_scene", True),
        ("gaussians_too_large", False),
        ("opacity_collapsed", True),
    ]
    with pytest.raises(UnsoundModelError) as refused:
        refuse_hard(found)
    told = refused.value.as_dict()
    assert told["code"] == "model_not_sound" and told["suggestion"]
    assert [reason["code"] for reason in told["details"]["reasons"]] == ["model_outside_scene", "opacity_collapsed"]
    refuse_hard([finding for finding in found if not finding.hard])


FULL, NOTHING = Shown(0.9, 40.0, 40.0), Shown(0.0, 0.0, 40.0)
BLACK, WHITE_WALL = Shown(0.9, 0.2, 40.0), Shown(0.9, 0.2, 0.3)
FAINT = Shown(0.02, 40.0, 40.0)


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ([], []),
        ([FULL] * 8, []),
        ([NOTHING] * 8, [("renders_empty", True), ("renders_one_colour", True)]),
        ([NOTHING] * 2 + [FULL] * 6, [("renders_empty", False), ("renders_one_colour", False)]),
        ([NOTHING] + [FULL] * 6, []),
        ([BLACK] * 8, [("renders_one_colour", True)]),
        ([BLACK] * 4 + [FULL] * 4, [("renders_one_colour", False)]),
        ([WHITE_WALL] * 8, []),
        ([FAINT] * 8, [("renders_nearly_empty", False)]),
    ],
)
def test_what_the_views_show(shown: list[Shown], found: list) -> None:
    assert codes(check_renders(shown)) == found


def test_what_a_view_shows_is_counted_where_its_mask_counts() -> None:
    alpha = np.zeros((10, 20), np.float32)
    alpha[:, :5] = 0.8
    alpha[:, 5:10] = 0.4
    picture = np.zeros((40, 80, 3), np.uint8)
    photo = picture.copy()
    photo[:20, :, 1] = 200
    seen = look_of(alpha, picture, photo)
    assert (seen.coverage, seen.render_steps, seen.photo_steps) == (0.25, 0.0, 100.0)
    mask = np.zeros((10, 20), np.uint8)
    mask[:, :5] = 255
    assert look_of(alpha, picture, photo, mask).coverage == 1.0
    mask[:, 5:10] = 85
    assert look_of(alpha, picture, photo, mask).coverage == pytest.approx(0.75)


def test_bounds_with_and_without_the_outermost() -> None:
    model = sound()
    model.means[:, 0] = np.linspace(-1, 1, COUNT)
    model.means[0] = [-500, -500, -500]
    bounds = bounds_of(model)
    assert bounds.min == (-500.0, -500.0, -500.0) and bounds.max[0] == 1.0
    assert bounds.p1[0] == pytest.approx(-0.98, abs=0.01) and bounds.p99[0] == pytest.approx(0.98, abs=0.01)
    assert min(bounds.p1) > -4

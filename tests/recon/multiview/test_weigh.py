"""Weights from files: a wall of Gaussians photographed by its own renders, so every picture is the truth at first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.recon.multiview.walls import HEIGHT, WALL, WIDTH, camera_at, texture

from maquette.errors import MaquetteError
from maquette.recon.cameras import Camera
from maquette.recon.evaluate import to_8_bit
from maquette.recon.gaussians import SH_C0, Gaussians
from maquette.recon.multiview import EnhancedView, ViewWeights, WeightSettings, weigh
from maquette.recon.multiview.evidence import Evidence
from maquette.recon.multiview.weigh import NothingToWeighError, mean_agreement, trust_of
from maquette.recon.photos import UnreadablePhotoError
from maquette.recon.rasterize import forward
from maquette.recon.scene import View

MIDDLE = (slice(20, HEIGHT - 20), slice(20, WIDTH - 20))


def wall() -> Gaussians:
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(-4, 4, 0.08), np.arange(-3, 3, 0.08)))
    count = len(x)
    sh = ((texture(x, y).T / 255 - 0.5) / SH_C0).astype(np.float32)
    return Gaussians(
        means=np.stack([x, y, np.full(count, WALL)], axis=1).astype(np.float32),
        log_scales=np.tile(np.log(np.float32([0.07, 0.07, 0.005])), (count, 1)),
        quaternions=np.tile(np.float32([1, 0, 0, 0]), (count, 1)),
        opacity_logits=np.full(count, 4.0, np.float32),
        sh=np.ascontiguousarray(sh[:, None]),
    )


MODEL = wall()


def shown(camera: Camera) -> np.ndarray:
    return to_8_bit(forward(MODEL, camera).image)


def view(folder: Path, name: str, camera: Camera, picture: np.ndarray | None = None) -> View:
    path = folder / f"{name}.png"
    cv2.imwrite(str(path), np.ascontiguousarray((shown(camera) if picture is None else picture)[..., ::-1]))
    return View(name, camera, path)


def enhanced(folder: Path, name: str, camera: Camera, picture: np.ndarray | None = None) -> EnhancedView:
    render = view(folder, f"{name}_render", camera)
    return EnhancedView(view(folder, name, camera, picture), render.image_path)


@pytest.fixture
def anchors(tmp_path: Path) -> list[View]:
    return [view(tmp_path, f"photo{i}", camera_at(x)) for i, x in enumerate((-0.5, 0.5))]


def one(found: list[ViewWeights]) -> ViewWeights:
    assert len(found) == 1
    return found[0]


def test_the_truth_counts_and_wrong_pictures_do_not(tmp_path: Path, anchors: list[View]) -> None:
    camera = camera_at()
    truth = shown(camera)
    spot = truth.copy()
    spot[30:44, 40:60] = (250, 20, 20)
    pictures = {
        "true": truth,
        "brighter": np.rint(truth * 1.15).clip(0, 255).astype(np.uint8),
        "colours": truth[..., [2, 0, 1]],
        "shifted": np.roll(truth, 7, axis=1),
        "elsewhere": shown(camera_at(1.5, 0.8)),
        "spot": spot,
    }
    views = [enhanced(tmp_path, name, camera, picture) for name, picture in pictures.items()]
    found = {weights.view.picture.name: weights for weights in weigh(MODEL, anchors, views)}
    assert list(found) == list(pictures), "in the order they were given"
    for name in ("true", "brighter"):
        assert found[name].weights[MIDDLE].min() > 0.9
        assert found[name].trust == 1
    assert found["brighter"].gain == pytest.approx(1.15, rel=0.01)
    for name in ("colours", "shifted", "elsewhere"):
        assert found[name].weights.max() < 0.1, name
    assert found["spot"].weights[33:41, 44:56].max() < 0.05
    assert found["spot"].weights[48:52, 22:35].min() > 0.8
    assert found["true"].seen > 0.7
    mask = found["true"].mask
    assert (mask.dtype, mask.shape) == (np.uint8, (HEIGHT, WIDTH))
    np.testing.assert_allclose(mask / 255, found["true"].weights, atol=0.5 / 255 + 1e-6)


def test_two_that_agree_do_not_outvote_a_photo(tmp_path: Path, anchors: list[View]) -> None:
    """The same lie from two cameras: a patch painted onto the wall itself, so that they agree in every pixel."""
    lying = wall()
    patch = (np.abs(lying.means[:, 0]) < 0.4) & (np.abs(lying.means[:, 1]) < 0.3)
    lying.sh[patch] = 1.5
    views = []
    for name, x in (("left", -0.2), ("right", 0.2)):
        picture = to_8_bit(forward(lying, camera_at(x)).image)
        views.append(enhanced(tmp_path, name, camera_at(x), picture))
    for weights in weigh(MODEL, anchors, views):
        lie = (
            np.abs(
                cv2.imread(str(weights.view.picture.image_path)).astype(int)[..., ::-1] - shown(weights.view.camera)
            ).max(axis=2)
            > 60
        )
        core = cv2.erode(lie.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        assert core.sum() > 20
        assert weights.weights[core].max() < 0.05


def test_what_no_photo_sees_counts_little(tmp_path: Path) -> None:
    """The photo shows the far left of the wall only. Alone a view gets the weight of the unconfirmed, two that agree
    that of the invented; both times half of it, the trust in a view of which nothing is known."""
    anchors = [view(tmp_path, "photo", camera_at(-2.9))]
    settings = WeightSettings()
    camera = camera_at(1.5)
    alone = one(list(weigh(MODEL, anchors, [enhanced(tmp_path, "a", camera)], settings)))
    assert alone.seen == 0
    trust = trust_of(0.5, settings)
    assert alone.trust == pytest.approx(trust)
    np.testing.assert_allclose(alone.weights, settings.unconfirmed * trust, atol=0.01)
    both = [enhanced(tmp_path, "a", camera), enhanced(tmp_path, "b", camera_at(1.6))]
    first, _ = weigh(MODEL, anchors, both, settings)
    assert first.weights[MIDDLE].mean() > alone.weights[MIDDLE].mean() + 0.02
    assert first.weights.max() <= settings.invented * trust + 1e-3


def test_resolution_is_that_of_training_and_memory_changes_nothing(tmp_path: Path, anchors: list[View]) -> None:
    views = [enhanced(tmp_path, name, camera_at(x)) for name, x in (("a", 0.0), ("b", 0.2), ("c", -0.2))]
    small = list(weigh(MODEL, anchors, views, downscale=2.0))
    assert small[0].weights.shape == (HEIGHT // 2, WIDTH // 2)
    assert small[0].weights[8:-8, 8:-8].mean() > 0.9
    whole = [weights.weights for weights in weigh(MODEL, anchors, views)]
    room_for_one = replace(WeightSettings(), cache_mb=1)
    again = [weights.weights for weights in weigh(MODEL, anchors, views, room_for_one)]
    for a, b in zip(whole, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_masks_leave_out_says_nothing(tmp_path: Path, anchors: list[View]) -> None:
    """A hand before the lens of both photos, masked: it does not confirm the hand that an enhanced view shows."""
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[:, WIDTH // 2 - 20 : WIDTH // 2 + 20] = 0
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    photos = []
    for photo in anchors:
        picture = cv2.imread(str(photo.image_path))
        picture[mask == 0] = 40
        cv2.imwrite(str(photo.image_path), picture)
        photos.append(replace(photo, mask_path=tmp_path / "mask.png"))
    behind = (slice(20, HEIGHT - 20), slice(WIDTH // 2 - 3, WIDTH // 2 + 3))
    hand = shown(camera_at())
    hand[:, WIDTH // 2 - 8 : WIDTH // 2 + 8] = 40
    with_hand = enhanced(tmp_path, "hand", camera_at(), hand)
    assert one(list(weigh(MODEL, anchors, [with_hand]))).weights[behind].min() > 0.8, "without a mask it is confirmed"
    settings = WeightSettings()
    assert one(list(weigh(MODEL, photos, [with_hand], settings))).weights[behind].max() <= settings.unconfirmed
    own = EnhancedView(replace(with_hand.picture, mask_path=tmp_path / "mask.png"), with_hand.render_path)
    assert one(list(weigh(MODEL, anchors, [own]))).weights[mask == 0].max() == 0


def test_trust() -> None:
    settings = WeightSettings(trust_from=0.4, trust_full=0.7)
    assert [trust_of(a, settings) for a in (0.0, 0.4, 0.55, 0.7, 1.0)] == pytest.approx([0, 0, 0.5, 1, 1])
    nothing = np.zeros((10, 10), np.float32)
    assert mean_agreement(Evidence(nothing, nothing)) == 0.5, "nothing is known"
    assert mean_agreement(Evidence(nothing + 1, nothing)) < 0.03
    seen = nothing.copy()
    seen[:5] = 1
    assert mean_agreement(Evidence(seen, seen * np.float32(0.8))) == pytest.approx(0.8, abs=0.03)


def test_bad_input(tmp_path: Path, anchors: list[View]) -> None:
    good = enhanced(tmp_path, "good", camera_at())
    with pytest.raises(NothingToWeighError):
        weigh(MODEL, [], [good])
    assert list(weigh(MODEL, anchors, [])) == []
    with pytest.raises(UnreadablePhotoError):
        list(weigh(MODEL, anchors, [replace(good, render_path=tmp_path / "gone.png")]))
    for bad in (
        {"depth_tolerance": 0.0},
        {"unconfirmed": 1.5},
        {"witnesses": 0},
        {"trust_full": 0.2},
        {"invented": np.nan},
    ):
        with pytest.raises(MaquetteError) as caught:
            weigh(MODEL, anchors, [good], WeightSettings(**bad))
        assert caught.value.code == "bad_weight_settings"
        assert next(iter(bad)) in caught.value.message

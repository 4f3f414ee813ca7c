"""Photos and weighted views as one scene: ratios, masks on disk, brightness, and what is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.recon.multiview.walls import HEIGHT, WIDTH, camera_at, look

from maquette.recon.multiview import EnhancedView, ViewWeights, mix
from maquette.recon.multiview.mixture import FAINTEST, NoPhotosToMixError
from maquette.recon.photos import UnreadablePhotoError, load_photo
from maquette.recon.scene import Scene, View


def view(folder: Path, name: str, value: int = 100) -> View:
    path = folder / f"{name}.png"
    cv2.imwrite(str(path), np.full((HEIGHT, WIDTH, 3), value, np.uint8))
    return View(name, camera_at(), path)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    views = tuple(view(tmp_path, f"photo{i}") for i in range(4))
    return Scene(views, np.zeros((1, 3)), np.zeros((1, 3), np.uint8))


def weighed(folder: Path, name: str, weight: float, *, gain: float = 1.0, downscale: int = 1) -> ViewWeights:
    picture = view(folder, name, 120)
    weights = np.full((HEIGHT // downscale, WIDTH // downscale), weight, np.float32)
    return ViewWeights(EnhancedView(picture, picture.image_path), weights, 1.0, weight, 1.0, gain)


def mean_weight(one: View) -> float:
    weights = load_photo(one, 1.0).weights
    return 1.0 if weights is None else float(weights.mean()) / 255


def test_photos_come_first_and_count_fully(scene: Scene, tmp_path: Path) -> None:
    mixed = mix(scene, (1, 2), [weighed(tmp_path, "a", 0.8)], tmp_path / "out")
    assert mixed.views == (1, 2, 4)
    assert mixed.scene.views[:4] == scene.views
    assert mixed.scene.views[4].name == "enhanced/a"
    assert [mean_weight(mixed.scene.views[i]) for i in mixed.views] == pytest.approx([1, 1, 0.8], abs=0.003)
    assert (mixed.scale, mixed.dropped) == (1.0, ())


def test_enhanced_views_together_do_not_outweigh_their_share(scene: Scene, tmp_path: Path) -> None:
    many = [weighed(tmp_path, f"v{i}", 0.9) for i in range(6)]
    mixed = mix(scene, (1, 2, 3), many, tmp_path / "out", enhanced_share=0.5)
    assert len(mixed.views) == 9
    assert sum(mean_weight(mixed.scene.views[i]) for i in mixed.views[3:]) == pytest.approx(1.5, rel=0.01)
    assert mixed.scale == pytest.approx(1.5 / 5.4, rel=0.01)
    assert mix(scene, (1,), many, tmp_path / "none", enhanced_share=0.0).views == (1,)


def test_rejected_views_and_faint_pixels_are_left_out(scene: Scene, tmp_path: Path) -> None:
    half = weighed(tmp_path, "half", 0.9)
    half.weights[:, : WIDTH // 2] = FAINTEST / 2
    rejected = [weighed(tmp_path, "gone", 0.0), weighed(tmp_path, "faint", 0.9 * FAINTEST)]
    mixed = mix(scene, (1, 2), [rejected[0], half, rejected[1]], tmp_path / "out")
    assert mixed.dropped == ("gone", "faint")
    assert [mixed.scene.views[i].name for i in mixed.views[2:]] == ["enhanced/half"]
    weights = load_photo(mixed.scene.views[4], 1.0).weights
    assert weights is not None
    assert not weights[:, : WIDTH // 2 - 1].any()
    assert (weights[:, WIDTH // 2 + 1 :] == 230).all()


def test_a_weight_of_one_step_is_never_read_as_full(scene: Scene, tmp_path: Path) -> None:
    """Masks that hold nothing above 1 are files of truth values to whoever reads them."""
    loud = [weighed(tmp_path, f"loud{i}", 1.0) for i in range(9)]
    faint = weighed(tmp_path, "faint", 9 / 255)
    mixed = mix(scene, (1,), [*loud, faint], tmp_path / "out")
    assert mixed.scale < 1 / 8
    assert mixed.dropped == ("faint",)
    assert max(mean_weight(mixed.scene.views[i]) for i in mixed.views[1:]) < 0.2


def test_masks_have_the_size_of_the_picture(scene: Scene, tmp_path: Path) -> None:
    mixed = mix(scene, (1, 2), [weighed(tmp_path, "small", 0.6, downscale=3)], tmp_path / "out")
    photo = load_photo(mixed.scene.views[4], 3.0)
    assert photo.weights is not None
    assert photo.weights.shape == (HEIGHT // 3, WIDTH // 3)
    assert (photo.weights == 153).all()


def test_pictures_are_brought_to_the_renders_exposure(scene: Scene, tmp_path: Path) -> None:
    same = mix(scene, (1,), [weighed(tmp_path, "same", 1.0)], tmp_path / "same").scene.views[4]
    assert same.image_path == tmp_path / "same.png", "nothing is copied without need"
    brighter = mix(scene, (1,), [weighed(tmp_path, "b", 1.0, gain=1.2)], tmp_path / "b").scene.views[4]
    assert (load_photo(brighter, 1.0).pixels == 100).all()
    assert (load_photo(view(tmp_path, "b", 120), 1.0).pixels == 120).all()


def test_channels_keep_their_order(scene: Scene, tmp_path: Path) -> None:
    picture, _ = look(camera_at())
    one = weighed(tmp_path, "c", 1.0, gain=1.1)
    cv2.imwrite(str(one.view.picture.image_path), np.ascontiguousarray(picture.transpose(1, 2, 0)[..., ::-1]))
    written = load_photo(mix(scene, (1,), [one], tmp_path / "out").scene.views[4], 1.0).pixels
    np.testing.assert_allclose(written, picture / 1.1, atol=0.51)


def test_bad_input(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(NoPhotosToMixError):
        mix(scene, (), [weighed(tmp_path, "a", 1.0)], tmp_path)
    with pytest.raises(ValueError, match="share"):
        mix(scene, (1,), [], tmp_path, enhanced_share=float("nan"))
    assert mix(scene, (1, 2), [], tmp_path / "empty").views == (1, 2)
    broken = weighed(tmp_path, "broken", 1.0, gain=1.2)
    gone = replace(broken.view.picture, image_path=tmp_path / "gone.png")
    with pytest.raises(UnreadablePhotoError):
        mix(scene, (1,), [replace(broken, view=replace(broken.view, picture=gone))], tmp_path / "out")

"""Masks and depths come along with a scene's photos, whatever form the scene has, and flaws are named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy import ndarray
from tests.recon.scenes.given import as_transforms, pinhole, write, write_colmap, write_ply

from maquette.errors import MaquetteError
from maquette.recon.depth.priors import BadDepthPriorError
from maquette.recon.masks import BadMaskError
from maquette.recon.photos import load_photo
from maquette.recon.scene import Scene
from maquette.recon.scene_files import load_saved_scene, load_scene, save_scene
from maquette.recon.synthetic import SyntheticCapture, make_capture

WIDTH, HEIGHT = 128, 96


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> SyntheticCapture:
    return make_capture(tmp_path_factory.mktemp("companions"), views=3, width=WIDTH, height=HEIGHT)


def ramp(width: int = WIDTH, height: int = HEIGHT) -> ndarray:
    """A mask of every grey, smooth, so that it tells where each pixel came from; black at the left."""
    columns = np.tile(np.linspace(-40, 255, width), (height, 1))
    return np.clip(columns, 0, 255).astype(np.uint8)


def transforms(capture: SyntheticCapture, folder: Path) -> dict[str, Any]:
    """With points, so that nothing is triangulated, and the size of these photos."""
    data = as_transforms(capture, folder)
    write_ply(folder / "p.ply", np.zeros((1, 3), np.float32), np.zeros((1, 3), np.uint8), True)
    return {**data, "w": float(WIDTH), "h": float(HEIGHT), "ply_file_path": "p.ply"}


def with_mask(data: dict[str, Any], folder: Path, mask: ndarray, frame: int = 1) -> Path:
    (folder / "masks").mkdir(exist_ok=True)
    cv2.imwrite(str(folder / "masks" / "m.png"), mask)
    data["frames"][frame]["mask_path"] = "masks/m.png"
    return write(data, folder)


def weights(scene: Scene, view: int = 1, downscale: float = 1.0) -> ndarray:
    found = load_photo(scene.views[view], downscale).weights
    assert found is not None
    return found


def test_transforms_name_masks(capture: SyntheticCapture, tmp_path: Path) -> None:
    folder = with_mask(transforms(capture, tmp_path / "scene"), tmp_path / "scene", ramp())
    for _ in range(2):  # the second time from the cache
        scene = load_scene(folder, cache_dir=tmp_path / "cache")
        assert [view.mask_path is None for view in scene.views] == [True, False, True]
        np.testing.assert_array_equal(weights(scene), ramp())
        assert load_photo(scene.views[0], 1.0).weights is None
    half = weights(scene, downscale=2.0).astype(float)
    wanted = ramp().astype(float).reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean(axis=(1, 3))
    assert np.abs(half - wanted).max() <= 0.5


def test_a_changed_mask_is_read_again(capture: SyntheticCapture, tmp_path: Path) -> None:
    """Straightened masks lie in the cache: they must not outlive their source."""
    data = {**transforms(capture, tmp_path / "scene"), "k1": -0.05}
    folder = with_mask(data, tmp_path / "scene", ramp())
    before = weights(load_scene(folder, cache_dir=tmp_path / "cache"))
    with_mask(data, tmp_path / "scene", 255 - ramp())
    after = weights(load_scene(folder, cache_dir=tmp_path / "cache"))
    assert np.abs(before.astype(int) + after - 255).max() <= 1


def test_a_lens_is_taken_out_of_mask_and_depth_alike(capture: SyntheticCapture, tmp_path: Path) -> None:
    """Photo, mask and depth show the same ramp: after straightening they still do."""
    folder = tmp_path / "scene"
    data = {**transforms(capture, folder), "k1": -0.45, "k2": 0.05, "p1": 0.01}
    grey = np.clip(np.tile(np.linspace(60, 200, WIDTH), (HEIGHT, 1)), 0, 255).astype(np.uint8)
    for path in capture.paths:
        (folder / "images" / path.name).unlink()
        cv2.imwrite(str(folder / "images" / f"{path.stem}.png"), np.repeat(grey[..., None], 3, axis=2))
    cv2.imwrite(str(folder / "depth.png"), grey.astype(np.uint16) * 10)
    data["frames"][1]["depth_file_path"] = "depth.png"
    scene = load_scene(with_mask(data, folder, grey), cache_dir=tmp_path / "cache")
    photo = load_photo(scene.views[1], 1.0, with_depth=True)
    assert photo.weights is not None
    assert photo.inverse_depth is not None
    shown = photo.pixels[0].astype(float)
    assert np.abs(shown - grey).max() > 3, "nothing was straightened"
    assert np.abs(photo.weights - shown).max() <= 1.5
    # Millimetres, and the nearest pixel: a step of the ramp is 1.1 grey.
    assert np.abs(1 / photo.inverse_depth / 0.01 - shown).max() <= 2.0


def test_a_mask_of_truth_values_counts_fully(capture: SyntheticCapture, tmp_path: Path) -> None:
    folder = with_mask(transforms(capture, tmp_path / "s"), tmp_path / "s", (ramp() > 100).astype(np.uint8))
    assert set(np.unique(weights(load_scene(folder, cache_dir=tmp_path / "cache")))) == {0, 255}


def test_transforms_name_depths(capture: SyntheticCapture, tmp_path: Path) -> None:
    """nerfstudio's millimetres, another scale, and a sensor coarser than the photo."""
    folder = tmp_path / "scene"
    data = transforms(capture, folder)
    depth = capture.depth(0)
    cv2.imwrite(str(folder / "a.png"), np.rint(depth * 1000).astype(np.uint16))
    np.save(folder / "b.npy", depth * 20)
    cv2.imwrite(str(folder / "c.png"), np.rint(depth[::2, ::2] * 1000).astype(np.uint16))
    for frame, name in zip(data["frames"], ("a.png", "b.npy", "c.png"), strict=True):
        frame["depth_file_path"] = name
    data["frames"][1]["depth_unit_scale_factor"] = 0.05
    scene = load_scene(write(data, folder), cache_dir=tmp_path / "cache")
    found = [load_photo(view, 1.0, with_depth=True).inverse_depth for view in scene.views]
    inverse = np.where(depth > 0, 1 / np.maximum(depth, 1e-6), 0)
    assert found[0] == pytest.approx(inverse, abs=1e-3)
    assert found[1] == pytest.approx(inverse, rel=1e-5)
    assert found[2] is not None
    assert found[2][::2, ::2] == pytest.approx(inverse[::2, ::2], abs=1e-3)
    assert load_photo(scene.views[0], 1.0).inverse_depth is None, "depths are read where they are asked for"


def test_depths_shrink_by_what_is_known(capture: SyntheticCapture, tmp_path: Path) -> None:
    scene = capture.scene(points=10)
    depth = np.full((HEIGHT, WIDTH), 2.0, np.float32)
    depth[:, ::4] = 4.0
    depth[:, 1::4] = np.nan
    depth[:, 2:4], depth[:, 6] = 0.0, 0.0
    np.save(tmp_path / "d.npy", depth)
    view = scene.views[0]
    told = load_photo(
        type(view)(view.name, view.camera, view.image_path, None, tmp_path / "d.npy"), 4.0, with_depth=True
    ).inverse_depth
    assert told is not None
    assert (told[:, 0] == 0).all(), "a quarter of it is known: too little"
    assert told[:, 1] == pytest.approx(np.full(HEIGHT // 4, (0.25 + 0.5) / 2))
    assert told[:, 2] == pytest.approx(np.full(HEIGHT // 4, (0.25 + 0.5 + 0.5) / 3))


def small_mask(folder: Path, data: dict[str, Any]) -> None:
    with_mask(data, folder, ramp(64, 48))


def black_mask(folder: Path, data: dict[str, Any]) -> None:
    with_mask(data, folder, ramp() * 0)


def broken_mask(folder: Path, data: dict[str, Any]) -> None:
    with_mask(data, folder, ramp())
    (folder / "masks" / "m.png").write_bytes(b"no picture")


def missing_mask(folder: Path, data: dict[str, Any]) -> None:
    data["frames"][1]["mask_path"] = "masks/gone.png"


def missing_depth(folder: Path, data: dict[str, Any]) -> None:
    data["frames"][1]["depth_file_path"] = "gone.png"


def eight_bit_depth(folder: Path, data: dict[str, Any]) -> None:
    cv2.imwrite(str(folder / "d.png"), ramp())
    data["frames"][1]["depth_file_path"] = "d.png"


def broken_depth(folder: Path, data: dict[str, Any]) -> None:
    (folder / "d.npy").write_bytes(b"no array")
    data["frames"][1]["depth_file_path"] = "d.npy"


def depth_of_another_shape(folder: Path, data: dict[str, Any]) -> None:
    np.save(folder / "d.npy", np.ones((HEIGHT, WIDTH // 2), np.float32))
    data["frames"][1]["depth_file_path"] = "d.npy"


def unknown_depth(folder: Path, data: dict[str, Any]) -> None:
    np.save(folder / "d.npy", np.zeros((HEIGHT, WIDTH), np.float32))
    data["frames"][1]["depth_file_path"] = "d.npy"


def negative_depth(folder: Path, data: dict[str, Any]) -> None:
    np.save(folder / "d.npy", np.full((HEIGHT, WIDTH), -1, np.float32))
    data["frames"][1]["depth_file_path"] = "d.npy"


@pytest.mark.parametrize("lens", [0.0, -0.05])
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (small_mask, "bad_mask"),
        (black_mask, "bad_mask"),
        (broken_mask, "bad_mask"),
        (missing_mask, "bad_mask"),
        (missing_depth, "bad_depth_prior"),
        (eight_bit_depth, "bad_depth_prior"),
        (broken_depth, "bad_depth_prior"),
        (depth_of_another_shape, "bad_depth_prior"),
        (unknown_depth, "bad_depth_prior"),
        (negative_depth, "bad_depth_prior"),
    ],
)
def test_flaws(capture: SyntheticCapture, tmp_path: Path, spoil: Any, code: str, lens: float) -> None:
    data = {**transforms(capture, tmp_path / "scene"), "k1": lens}
    spoil(tmp_path / "scene", data)
    with pytest.raises(MaquetteError) as raised:
        scene = load_scene(write(data, tmp_path / "scene"), cache_dir=tmp_path / "cache")
        load_photo(scene.views[1], 1.0, with_depth=True)
    assert raised.value.code == code
    assert capture.paths[1].name in raised.value.message
    assert raised.value.suggestion


def test_a_view_may_be_given_a_depth_of_the_wrong_size(capture: SyntheticCapture, tmp_path: Path) -> None:
    view = capture.scene(points=10).views[0]
    np.save(tmp_path / "d.npy", np.ones((HEIGHT, WIDTH - 1), np.float32))
    with pytest.raises(BadDepthPriorError, match="float32"):
        load_photo(type(view)(view.name, view.camera, view.image_path, None, tmp_path / "d.npy"), 1.0, with_depth=True)


def test_colmap_masks(capture: SyntheticCapture, tmp_path: Path) -> None:
    scene_dir = tmp_path / "scene"
    write_colmap(capture, scene_dir, "PINHOLE", pinhole(capture.cameras[0]), False)
    told: list[str] = []

    def load() -> Scene:
        return load_scene(scene_dir, cache_dir=tmp_path / "cache", warn=lambda code, message: told.append(code))

    assert all(view.mask_path is None for view in load().views)
    (scene_dir / "masks").mkdir()
    cv2.imwrite(str(scene_dir / "masks" / f"{capture.paths[1].name}.png"), ramp())
    cv2.imwrite(str(scene_dir / "masks" / f"{capture.paths[2].stem}.png"), 255 - ramp())
    scene = load()
    assert told == ["masks_missing"]
    assert scene.views[0].mask_path is None
    np.testing.assert_array_equal(weights(scene, 1), ramp())
    np.testing.assert_array_equal(weights(scene, 2), 255 - ramp())


def test_colmap_masks_are_undistorted_with_their_photos(capture: SyntheticCapture, tmp_path: Path) -> None:
    """A mask drawn from its photo's own grey still fits it afterwards."""
    scene_dir, camera = tmp_path / "scene", capture.cameras[0]
    write_colmap(capture, scene_dir, "SIMPLE_RADIAL", [camera.fx, camera.cx, camera.cy, -0.1], False)
    (scene_dir / "masks").mkdir()
    grey = np.tile(np.linspace(20, 235, WIDTH), (HEIGHT, 1)).astype(np.uint8)
    for path in capture.paths:
        cv2.imwrite(str(scene_dir / "images" / path.name), np.repeat(grey[..., None], 3, axis=2))
        cv2.imwrite(str(scene_dir / "masks" / f"{path.name}.png"), grey)
    scene = load_scene(scene_dir, cache_dir=tmp_path / "cache")
    photo = load_photo(scene.views[1], 1.0)
    assert photo.weights is not None
    inside = photo.weights[2:-2, 2:-2].astype(float)
    assert np.abs(inside - photo.pixels[0, 2:-2, 2:-2]).max() <= 4, "within what JPEG and resampling do"
    assert np.abs(np.diff(inside, axis=0)).max() >= 1, "nothing was bent"
    cv2.imwrite(str(scene_dir / "masks" / f"{capture.paths[1].name}.png"), grey[:-1])
    with pytest.raises(BadMaskError, match=capture.paths[1].name):
        load_scene(scene_dir, cache_dir=tmp_path / "cache")


def test_our_own_form_keeps_them(capture: SyntheticCapture, tmp_path: Path) -> None:
    truth = capture.scene(points=10)
    cv2.imwrite(str(tmp_path / "any.png"), ramp())
    np.save(tmp_path / "any.npy", capture.depth(1))
    first, second, third = truth.views
    full = type(second)(second.name, second.camera, second.image_path, tmp_path / "any.png", tmp_path / "any.npy")
    save_scene(Scene((first, full, third), truth.points, truth.colors), tmp_path / "one")
    save_scene(load_saved_scene(tmp_path / "one"), tmp_path / "one")  # onto itself: nothing is lost
    shutil.move(tmp_path / "one", tmp_path / "two")
    scene = load_saved_scene(tmp_path / "two")
    assert [view.mask_path is None for view in scene.views] == [True, False, True]
    np.testing.assert_array_equal(weights(scene), ramp())
    known = load_photo(scene.views[1], 1.0, with_depth=True).inverse_depth
    assert known is not None
    np.testing.assert_array_equal(known > 0, capture.depth(1) > 0)
    data = json.loads((tmp_path / "two" / "cameras.json").read_text())
    data["views"][1]["mask"] = "../../any.png"
    (tmp_path / "two" / "cameras.json").write_text(json.dumps(data))
    escaped = load_saved_scene(tmp_path / "two").views[1].mask_path
    assert escaped == tmp_path / "two" / "masks" / "any.png"

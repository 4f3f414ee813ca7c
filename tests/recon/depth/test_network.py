"""Depth networks loaded and run for real: what they are given to the value, and every file that is none."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")

from onnx import TensorProto, helper
from tests.recon.depth.networks import save, weighing

from maquette.recon.depth.errors import BrokenDepthModelError, DepthFailedError
from maquette.recon.depth.estimator import DepthEstimator, UnfitPhotoError, best_depth_model
from maquette.recon.depth.families import DEPTH_ANYTHING_V2, IMAGENET_MEAN, IMAGENET_STD, MIDAS_SMALL
from maquette.recon.depth.network import Network
from maquette.recon.weights import LocalModel, Weights, WeightsMissingError

FILE = "onnx/model.onnx"


def local(folder: Path, name: str = "depth-anything-v2-small") -> LocalModel:
    return LocalModel(name, folder, "abc123", "none: made by a test")


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def broken(path: Path) -> str:
    with pytest.raises(BrokenDepthModelError) as caught:
        Network(path, "m")
    assert caught.value.code == "depth_model_broken"
    assert str(path.parent) not in caught.value.message
    return caught.value.message


def failed(path: Path, side: int = 16) -> str:
    with pytest.raises(DepthFailedError) as caught:
        Network(path, "m")(np.zeros((1, 3, side, side), np.float32))
    return caught.value.message


@pytest.mark.parametrize(
    ("photo_size", "input_size"),
    [
        ((518, 518), (518, 518)),
        ((1080, 1920), (518, 924)),  # 920.9 px is 65.8 patches of 14
        ((1920, 1080), (924, 518)),
        ((800, 600), (686, 518)),
        ((100, 100), (518, 518)),
    ],
)
def test_depth_anything_sees_518_px_on_the_shorter_side_in_patches_of_14(
    photo_size: tuple[int, int], input_size: tuple[int, int]
) -> None:
    assert DEPTH_ANYTHING_V2.input_size(*photo_size) == input_size


def test_midas_sees_a_square_of_256() -> None:
    assert MIDAS_SMALL.input_size(1080, 1920) == (256, 256)


def test_the_network_is_given_normalised_rgb(tmp_path: Path) -> None:
    weighing(tmp_path / FILE, (3.0, 5.0, -7.0), bias=2.0)
    image = photo(518, 518)  # no size to change: each pixel must come out as itself
    found = DepthEstimator(local(tmp_path), FILE)(image)
    normal = (image.astype(np.float64) / 255 - IMAGENET_MEAN) / IMAGENET_STD
    np.testing.assert_allclose(found.inverse, normal @ [3.0, 5.0, -7.0] + 2.0, atol=2e-4)
    assert (found.method, found.revision, found.input_size) == ("depth-anything-v2-small", "abc123", (518, 518))
    assert found.inverse.dtype == np.float32
    assert found.provider in ("cpu", "cuda")


def test_a_photo_is_brought_to_the_networks_size_by_cubics_and_its_depth_back_to_the_photos(tmp_path: Path) -> None:
    weighing(tmp_path / FILE, (1.0, 0.0, 0.0), channel=True)
    image = photo(90, 120)
    found = DepthEstimator(local(tmp_path), FILE)(image)
    assert found.input_size == (686, 518)
    large = cv2.resize(image[..., 0] / np.float32(255), (686, 518), interpolation=cv2.INTER_CUBIC)
    expected = cv2.resize((large - 0.485) / 0.229, (120, 90), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(found.inverse, expected, atol=2e-4)


def test_a_network_that_normalises_itself_is_given_plain_rgb(tmp_path: Path) -> None:
    """MiDaS's own export holds the means; normalised twice, its depth would be wrong and nobody would see why."""
    image = photo(256, 256)
    expected = ((image.astype(np.float64) / 255 - IMAGENET_MEAN) / IMAGENET_STD) @ [1.0, 2.0, 3.0]
    for normalising in (True, False):
        folder = tmp_path / str(normalising)
        weighing(folder / "model-small.onnx", (1.0, 2.0, 3.0), size=(256, 256), normalising=normalising)
        estimator = DepthEstimator(local(folder, "midas-small"), "model-small.onnx")
        assert estimator.network.normalises is normalising
        np.testing.assert_allclose(estimator(image).inverse, expected, atol=2e-4)


def test_a_size_fixed_in_the_file_goes_before_the_familys(tmp_path: Path) -> None:
    weighing(tmp_path / FILE, (0.0, 1.0, 0.0), size=(28, 42))
    estimator = DepthEstimator(local(tmp_path), FILE)
    assert estimator.network.baked == (42, 28)
    found = estimator(photo(280, 420))
    assert found.input_size == (42, 28)
    assert found.inverse.shape == (280, 420)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ([3, "h", "w"], "not one photo"),
        ([1, "h", "w", 3], "not one photo"),
        ([1, 224, 224, 3], "not one photo"),
        ([1, 1, "h", "w"], "not one photo"),
        ([4, 3, "h", "w"], "not one photo"),
        ([1, 3, 224, "w"], "one side fixed"),
    ],
)
def test_what_wants_something_else_than_a_photo_is_refused(tmp_path: Path, given: list, word: str) -> None:
    nodes = [helper.make_node("ReduceMean", ["photo"], ["depth"], axes=[len(given) - 1], keepdims=0)]
    assert word in broken(save(tmp_path / "m.onnx", nodes, given=given, answers=("a", "b", "c")[: len(given) - 1]))


def test_half_precision_and_two_inputs_are_refused(tmp_path: Path) -> None:
    cast = [helper.make_node("Cast", ["photo"], ["depth"], to=TensorProto.FLOAT)]
    assert "float32 export" in broken(save(tmp_path / "half.onnx", cast, kind=TensorProto.FLOAT16))
    add = [helper.make_node("Add", ["photo", "other"], ["depth"])]
    assert "2 inputs" in broken(save(tmp_path / "two.onnx", add, more_inputs=("other",)))


@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x08\x09" * 400])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    assert "damaged" in broken(path)


def test_a_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    whole = weighing(tmp_path / "m.onnx", (1.0, 1.0, 1.0)).read_bytes()
    (tmp_path / "m.onnx").write_bytes(whole[: len(whole) // 2])
    assert "damaged" in broken(tmp_path / "m.onnx")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "'model.onnx' is missing" in broken(tmp_path / "model.onnx")


def test_an_answer_that_is_not_finite_is_no_depth(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Sub", ["photo", "photo"], ["nothing"]),
        helper.make_node("Div", ["nothing", "nothing"], ["nan"]),
        helper.make_node("ReduceMean", ["nan"], ["depth"], axes=[1], keepdims=0),
    ]
    assert "not finite" in failed(save(tmp_path / "m.onnx", nodes))


def test_an_answer_of_three_channels_is_no_depth(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [helper.make_node("Relu", ["photo"], ["depth"])])
    assert "float32[1, 3, 16, 16], not one picture" in failed(path)


def test_a_network_that_cannot_take_the_size_says_so(tmp_path: Path) -> None:
    nodes = [helper.make_node("Reshape", ["photo", "shape"], ["depth"])]
    path = save(tmp_path / "m.onnx", nodes, constants={"shape": np.asarray([1, 30, 30], np.int64)})
    assert "onnxruntime says" in failed(path)


@pytest.mark.parametrize("size", [(20, 400), (100, 500)])
def test_photos_that_no_network_knows_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    weighing(tmp_path / FILE, (1.0, 1.0, 1.0))
    with pytest.raises(UnfitPhotoError):
        DepthEstimator(local(tmp_path), FILE)(photo(*size))


def test_tiles_of_an_even_function_change_nothing(tmp_path: Path) -> None:
    """The network answers each pixel by itself, so whole and tiles agree up to what the whole lost by shrinking."""
    weighing(tmp_path / FILE, (1.0, 1.0, 1.0), size=(56, 56))
    estimator = DepthEstimator(local(tmp_path), FILE)
    image = photo(900, 1000)
    whole, tiled = estimator(image), estimator(image, tiles=True)
    assert (whole.tiles, whole.tiles_planned) == (0, 0)
    assert (tiled.tiles, tiled.tiles_planned) == (4, 4)
    truth = ((image / 255 - IMAGENET_MEAN) / IMAGENET_STD).sum(axis=2)
    span = np.ptp(truth)
    errors = [np.abs(found.inverse - truth).mean() / span for found in (whole, tiled)]
    assert errors[0] < 0.02
    assert errors[1] < errors[0]  # finer, as it was asked to be


def test_a_small_photo_is_not_cut_into_tiles(tmp_path: Path) -> None:
    weighing(tmp_path / FILE, (1.0, 1.0, 1.0), size=(56, 56))
    image = photo(300, 400)
    estimator = DepthEstimator(local(tmp_path), FILE)
    np.testing.assert_array_equal(estimator(image, tiles=True).inverse, estimator(image).inverse)


def test_the_best_model_here_is_taken_and_refused_ones_are_passed_over(tmp_path: Path) -> None:
    assert best_depth_model(Weights()) is None
    midas, base = local(tmp_path, "midas-small"), local(tmp_path, "depth-anything-v2-base")
    both = Weights({"midas-small": midas}, {"depth-anything-v2-base": WeightsMissingError("depth-anything-v2-base")})
    assert best_depth_model(both) is midas
    assert best_depth_model(Weights({"midas-small": midas, "depth-anything-v2-base": base})) is base

"""LPIPS: its definition, what a distance must be like, and folders that hold no weights."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tests.recon.lpips.weights import BACKBONE_FILE, LINEAR_FILE, backbone_state, linear_state, write_model
from torch import nn

from maquette.recon.enhance.errors import BrokenModelError
from maquette.recon.lpips import Lpips, TorchMissingError, UnfitPictureError, load_lpips
from maquette.recon.metrics import ImageSizesDifferError
from maquette.recon.weights import LocalModel


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    return write_model(tmp_path_factory.mktemp("lpips-alex"))


@pytest.fixture(scope="module")
def lpips(model: LocalModel) -> Lpips:
    return load_lpips(model)


def picture(seed: int, height: int = 90, width: int = 120) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (height // 10, width // 10, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def noisy(image: np.ndarray, sigma: float, seed: int = 5) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sigma, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def definition(image: np.ndarray, reference: np.ndarray) -> float:
    """Equation 1, with torch's own layers in the order that torchvision's AlexNet has them, in double precision."""
    features = nn.Sequential(
        *(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, 3, 1, 1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, 1, 1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU()),
    ).double()
    state = {name.removeprefix("features."): values for name, values in backbone_state().items() if "feat" in name}
    features.load_state_dict(state)
    total = 0.0
    linear = list(linear_state().values())
    answers = []
    for one in (image, reference):
        x = torch.from_numpy(one.astype(np.float64)).permute(2, 0, 1)[None] / 255 * 2 - 1
        x = (x - torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)) / torch.tensor([0.458, 0.448, 0.450]).view(
            1, 3, 1, 1
        )
        kept = []
        for layer in features:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                kept.append(x / x.square().sum(dim=1, keepdim=True).sqrt())
        answers.append(kept)
    for a, b, weights in zip(*answers, linear, strict=True):
        total += ((a - b).square() * weights).sum(dim=1).mean().item()
    return total


@pytest.mark.parametrize("size", [(90, 120), (31, 31), (64, 77)])
def test_it_is_its_definition(lpips: Lpips, size: tuple[int, int]) -> None:
    image, reference = picture(1, *size), picture(2, *size)
    with torch.no_grad():
        assert lpips(image, reference) == pytest.approx(definition(image, reference), rel=1e-4)


def test_what_a_distance_is_like(lpips: Lpips) -> None:
    image, other = picture(1), picture(2)
    assert lpips(image, image.copy()) == 0.0
    assert lpips(image, other) == pytest.approx(lpips(other, image), rel=1e-5) and lpips(image, other) > 0


@pytest.mark.parametrize("distort", ["noise", "blur"])
def test_it_grows_with_distortion(lpips: Lpips, distort: str) -> None:
    image = picture(3)
    steps = [1.0, 2.0, 4.0, 8.0]
    made = [noisy(image, 5 * step) if distort == "noise" else cv2.GaussianBlur(image, (0, 0), step) for step in steps]
    distances = [lpips(one, image) for one in made]
    assert all(nearer < farther for nearer, farther in pairwise(distances)), distances


def test_what_is_masked_does_not_count(lpips: Lpips) -> None:
    reference = picture(4)
    image = noisy(reference, 20)
    counts = np.full(image.shape[:2], 255, np.uint8)
    assert lpips(image, reference, counts) == pytest.approx(lpips(image, reference), rel=1e-4)
    counts[:, 40:] = 0
    spoilt = image.copy()
    spoilt[:, 40:] = 255 - spoilt[:, 40:]
    assert lpips(spoilt, reference, counts) == lpips(image, reference, counts) > 0
    mended = image.copy()
    mended[:, :40] = reference[:, :40]
    assert lpips(mended, reference, counts) == 0.0


def test_pictures_that_do_not_fit(lpips: Lpips) -> None:
    with pytest.raises(ImageSizesDifferError):
        lpips(picture(1), picture(1, 90, 110))
    with pytest.raises(ImageSizesDifferError):
        lpips(picture(1), picture(2), np.zeros((3, 3), np.uint8))
    with pytest.raises(UnfitPictureError, match="90 x 30") as refused:
        lpips(picture(1, 30, 90), picture(2, 30, 90))
    assert refused.value.suggestion
    huge = np.zeros((3000, 3000, 3), np.uint8)
    with pytest.raises(UnfitPictureError, match="3000 x 3000"):
        lpips(huge, huge)


def test_strips_of_rows_change_nothing(lpips: Lpips, monkeypatch: pytest.MonkeyPatch) -> None:
    image, reference = picture(6, 200, 64), picture(7, 200, 64)
    whole = lpips(image, reference)
    monkeypatch.setattr("maquette.recon.lpips.distance._STRIP_ROWS", 7)
    assert lpips(image, reference) == pytest.approx(whole, rel=1e-6)


def broken(model: LocalModel) -> str:
    with pytest.raises(BrokenModelError) as refused:
        load_lpips(model)
    assert refused.value.code == "model_folder_broken" and "lpips-alex" in refused.value.suggestion
    return refused.value.message


def test_missing_and_doubled_files_are_named(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m")
    (model.folder / LINEAR_FILE).unlink()
    assert "alex.pth is missing" in broken(model)
    (model.folder / "alexnet-other.pth").write_bytes(b"x")
    assert "exactly one file" in broken(model) and "alexnet-other.pth" in broken(model)
    for path in model.folder.glob("*.pth"):
        path.unlink()
    assert "has none" in broken(model)


@pytest.mark.parametrize("file", [BACKBONE_FILE, LINEAR_FILE])
def test_damaged_files_are_named(tmp_path: Path, file: str) -> None:
    model = write_model(tmp_path / "m")
    path = model.folder / file
    whole = path.read_bytes()
    for content in (b"", b"not weights at all", whole[: len(whole) // 2], b"PK\x03\x04" + b"\0" * 100):
        path.write_bytes(content)
        assert f"{file} is damaged" in broken(model)
    torch.save([1, 2, 3], path)
    assert f"{file} holds no state dict" in broken(model)


class Hostile:
    """What a pickle could bring: it would write a file when it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return (Path.touch, (str(self.mark),))


def test_a_pickle_that_would_run_code_does_not(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m")
    torch.save({"lin0.model.1.weight": Hostile(tmp_path / "ran")}, model.folder / LINEAR_FILE)
    assert "damaged" in broken(model)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("file", "name", "values", "told"),
    [
        (BACKBONE_FILE, "features.3.weight", None, "lacks features.3.weight"),
        (BACKBONE_FILE, "features.0.weight", torch.zeros(64, 3, 7, 7), "64 x 3 x 7 x 7, not 64 x 3 x 11 x 11"),
        (BACKBONE_FILE, "features.10.bias", torch.full((256,), float("nan")), "features.10.bias that are not finite"),
        (LINEAR_FILE, "lin4.model.1.weight", torch.zeros(1, 512, 1, 1), "1 x 512 x 1 x 1, not 1 x 256 x 1 x 1"),
        (LINEAR_FILE, "lin2.model.1.weight", torch.full((1, 384, 1, 1), -0.1), "negative numbers in lin2"),
    ],
)
def test_wrong_weights_are_told_by_layer(
    tmp_path: Path, file: str, name: str, values: torch.Tensor | None, told: str
) -> None:
    model = write_model(tmp_path / "m")
    state = torch.load(model.folder / file, weights_only=True)
    if values is None:
        del state[name]
    else:
        state[name] = values
    torch.save(state, model.folder / file)
    assert told in broken(model)


def test_without_torch_the_extra_is_named(model: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(TorchMissingError) as refused:
        load_lpips(model)
    assert "maquette[diffusion]" in refused.value.suggestion

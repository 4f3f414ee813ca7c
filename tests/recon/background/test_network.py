"""Networks see photos as they were trained to, their answers become masks, and what is no network is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")

from onnx import helper
from tests.recon.background.networks import REVISION, save, save_finder

from maquette.models.registry import find_model
from maquette.recon.background import choose_background_model, remove_background
from maquette.recon.background.errors import (
    BrokenBackgroundModelError,
    ObjectNotFoundError,
    UnknownBackgroundModelError,
)
from maquette.recon.background.networks import KINDS
from maquette.recon.weights import LocalModel, Weights, WeightsMissingError

COLOUR, BRIGHTEST = (200, 100, 50), 240


def photo(height: int = 300, width: int = 400) -> np.ndarray:
    """A rectangle of one colour in its middle half; the brightest value of the picture lies outside it."""
    picture = np.full((height, width, 3), 30, np.uint8)
    picture[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4] = COLOUR
    picture[:5, :5] = BRIGHTEST
    return picture


def having(*models: LocalModel) -> Weights:
    return Weights({model.name: model for model in models})


@pytest.mark.parametrize(
    ("name", "side", "mean", "std"),
    [
        ("u2net", 320, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("u2netp", 320, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ("isnet-general-use", 1024, (0.485, 0.456, 0.406), (1.0, 1.0, 1.0)),
        ("birefnet-general-lite", 1024, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ],
)
def test_a_photo_comes_as_the_network_wants_it(
    tmp_path: Path, name: str, side: int, mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    sees = tuple((level / BRIGHTEST - mean[i]) / std[i] for i, level in enumerate(COLOUR))
    model = save_finder(tmp_path, name, side, sees, logits=KINDS[name].logits)
    removed = remove_background(photo(), having(model))
    assert removed.mask.shape == (300, 400)
    assert (removed.mask[85:215, 110:290] == 255).all()
    outside = np.ones((300, 400), bool)
    outside[65:235, 90:310] = False
    assert (removed.mask[outside] == 0).all()
    assert (removed.method, removed.degraded) == (f"{name}@{REVISION}", False)
    assert removed.confidence > 0.99


def test_the_best_network_that_is_here_is_used(tmp_path: Path) -> None:
    small, good = (LocalModel(name, tmp_path, REVISION, "") for name in ("u2netp", "isnet-general-use"))
    assert choose_background_model(having(small)) == "u2netp"
    assert choose_background_model(having(small, good)) == "isnet-general-use"
    assert choose_background_model(having(small, good), "u2netp") == "u2netp"
    assert choose_background_model(Weights()) is None
    # Asked for by name, it is never replaced.
    with pytest.raises(WeightsMissingError):
        choose_background_model(having(small), "u2net")
    with pytest.raises(UnknownBackgroundModelError, match="u3net"):
        choose_background_model(having(small), "u3net")


def test_files_that_are_no_network(tmp_path: Path) -> None:
    model = LocalModel("u2net", tmp_path, REVISION, "")
    with pytest.raises(BrokenBackgroundModelError, match=r"holds no u2net\.onnx"):
        remove_background(photo(), having(model))
    (tmp_path / "u2net.onnx").write_bytes(b"\x08\x07 half a download")
    with pytest.raises(BrokenBackgroundModelError, match="damaged") as caught:
        remove_background(photo(), having(model))
    assert str(tmp_path) not in caught.value.message + caught.value.suggestion


@pytest.mark.parametrize(
    ("shape", "nodes", "says"),
    [
        ([1, 1, 320, 320], [("Identity", "photo", "mask")], r"its input is tensor\(float\)\[1, 1, 320, 320\]"),
        ([1, 3, 320, 256], [("Identity", "photo", "mask")], "not one square photo"),
        ([1, 3, 64, 64], [("Identity", "photo", "mask")], r"its answer is float32\[1, 3, 64, 64\]"),
        ([1, 3, 64, 64], [("ReduceMean", "photo", "mid"), ("Log", "mid", "mask")], "not finite"),
    ],
)
def test_networks_of_another_kind(
    tmp_path: Path, shape: list[int], nodes: list[tuple[str, str, str]], says: str
) -> None:
    made = [
        helper.make_node(kind, [one], [other], **({"axes": [1], "keepdims": 1} if kind == "ReduceMean" else {}))
        for kind, one, other in nodes
    ]
    model = save(tmp_path, "u2net", [*made, helper.make_node("Identity", ["mask"], ["side_mask"])], {}, shape)
    with pytest.raises(BrokenBackgroundModelError, match=says):
        remove_background(photo(), having(model))


def test_a_network_that_sees_nothing(tmp_path: Path) -> None:
    model = save_finder(tmp_path, "u2net", 320, (9.0, 9.0, 9.0))
    with pytest.raises(ObjectNotFoundError, match="no object"):
        remove_background(photo(), having(model))


def test_every_network_that_is_known_here_can_be_pulled() -> None:
    for name in KINDS:
        entry = find_model(name)
        assert (entry.kind, entry.main_file, entry.commercial) == ("onnx", f"{name}.onnx", True)
        assert set(entry.known_sha256) == {f"{name}.onnx"}

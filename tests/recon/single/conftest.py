"""Photos of one thing before a plain backdrop, and a tiny view model on disk."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest

from maquette.recon.images import Photo
from maquette.recon.weights import LocalModel, Weights

REVISION = "0123456789abcdef0123456789abcdef01234567"


def photo_of(pixels: np.ndarray, name: str = "vase.jpg", focal_px: float | None = None) -> Photo:
    height, width = pixels.shape[:2]
    return Photo(name, pixels, None, width, height, focal_px, None, "jpeg")


def vase(height: int = 400, width: int = 320) -> tuple[np.ndarray, np.ndarray]:
    """A dotted blue oval before a bright wall, and its mask."""
    rng = np.random.default_rng(5)
    pixels = np.clip(rng.normal(235, 2, (height, width, 3)), 0, 255).astype(np.uint8)
    mask = np.zeros((height, width), np.uint8)
    cv2.ellipse(mask, (width // 2, height // 2), (width // 4, height // 3), 0, 0, 360, 255, -1)
    blue = np.full((height, width, 3), (40, 60, 160), np.uint8)
    for _ in range(150):
        at = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        cv2.circle(blue, at, 4, tuple(int(level) for level in rng.integers(30, 130, 3)), -1)
    return np.where(mask[..., None] > 0, blue, pixels), mask


@pytest.fixture(scope="session")
def diffusion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The extra, its code cache out of the user's home, and one thread: these networks are too small for more."""
    if importlib.util.find_spec("diffusers") is None:
        pytest.skip("the extra [diffusion] is not installed")
    # diffusers reads it when it is imported, and copies a pipeline's code there before it runs it.
    os.environ.setdefault("HF_MODULES_CACHE", str(tmp_path_factory.mktemp("modules")))
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def zero123plus(diffusion: None, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    from tests.recon.single.tiny import save_zero123plus

    return trusted(save_zero123plus(tmp_path_factory.mktemp("tiny") / "zero123plus"))


def trusted(folder: Path, name: str = "zero123plus") -> LocalModel:
    """The folder with the code that is in it now allowed."""
    code = {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.py")}
    return LocalModel(name, folder, REVISION, "none: random numbers", trusted_code=code)


def having(*models: LocalModel) -> Weights:
    return Weights({model.name: model for model in models})

"""Tiny models on disk, made once, and views to enhance."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pytest

from maquette.recon.weights import LocalModel, Weights

REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="session")
def diffusion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The extra, its code cache out of the user's home, and one thread: these networks are too small for more."""
    if importlib.util.find_spec("diffusers") is None:
        pytest.skip("the extra [diffusion] is not installed")
    # diffusers reads it when it is imported, and copies a pipeline's code there before it runs it.
    os.environ["HF_MODULES_CACHE"] = str(tmp_path_factory.mktemp("modules"))
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    del os.environ["HF_MODULES_CACHE"]


@pytest.fixture(scope="session")
def sdxl(diffusion: None, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    from tests.recon.enhance.tiny import save_sdxl

    return LocalModel("sdxl", save_sdxl(tmp_path_factory.mktemp("tiny") / "sdxl"), REVISION, "none: random numbers")


@pytest.fixture(scope="session")
def controlnet(diffusion: None, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    from tests.recon.enhance.tiny import save_controlnet

    folder = save_controlnet(tmp_path_factory.mktemp("tiny") / "depth")
    return LocalModel("sdxl-depth", folder, REVISION, "none: random numbers")


@pytest.fixture(scope="session")
def fixer(diffusion: None, tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    from tests.recon.enhance.tiny import save_fixer

    return trusted(save_fixer(tmp_path_factory.mktemp("tiny") / "fixer"))


def trusted(folder: Path) -> LocalModel:
    """The folder with the code that is in it now allowed."""
    code = {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.py")}
    return LocalModel("difix-ref", folder, REVISION, "none: random numbers", trusted_code=code)


def having(*models: LocalModel) -> Weights:
    """Weights of these models and no others."""
    return Weights({model.name: model for model in models})


def drawing(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A sharp picture without noise: many flat rectangles."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 90, np.uint8)
    for _ in range(height * width // 1500 + 5):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        w, h = (int(side) for side in rng.integers(5, 60, 2))
        colour = [int(level) for level in rng.integers(0, 255, 3)]
        cv2.rectangle(image, (x, y), (x + w, y + h), colour, -1)
    return image

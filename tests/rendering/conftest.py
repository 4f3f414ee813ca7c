"""A small model on disk, and jobs that look at it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maquette.rendering.jobs import FreeCamera, Job, Look


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from maquette.recon.formats import format_named
    from maquette.recon.gaussians import Gaussians

    rng = np.random.default_rng(0)
    count = 50
    gaussians = Gaussians(
        means=rng.normal(0, 0.5, (count, 3)).astype(np.float32),
        log_scales=np.full((count, 3), -2.0, np.float32),
        quaternions=np.tile(np.float32([1, 0, 0, 0]), (count, 1)),
        opacity_logits=np.full(count, 2.0, np.float32),
        sh=rng.uniform(-1, 1, (count, 1, 3)).astype(np.float32),
    )
    path = tmp_path_factory.mktemp("models") / "model.ply"
    format_named("ply").write(gaussians, path, provenance={})
    return path


@pytest.fixture
def job(model: Path, tmp_path: Path) -> Callable[..., Job]:
    def make(name: str = "picture", model: Path = model, width: int = 32, height: int = 24, **look: Any) -> Job:
        camera = FreeCamera(
            position=(0.0, 0.0, -4.0), target=(0.0, 0.0, 0.0), up=(0.0, -1.0, 0.0), fov=50.0, width=width, height=height
        )
        asked = {"background": (0.0, 0.0, 0.0), "output": "image", "format": "png", **look}
        return Job(look=Look(camera=camera, **asked), model=model, photo=None, to=tmp_path / name)

    return make

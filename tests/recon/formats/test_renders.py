"""What a format loses, in pictures: renders of what was read back against renders of what was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maquette.recon.cameras import Camera
from maquette.recon.formats import FORMATS, Format
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize import rasterize

FLOORS_DB = {"splat": 30.0, "spz": 36.0, "html": 36.0, "sog": 34.0, "compressed.ply": 45.0}
"""The others are lossless. Random harmonics are the worst case of a palette: a real model keeps 40 dB as SOG."""
LOSSLESS_DB = 100.0


def globe() -> Gaussians:
    """A painted ball that shines a little differently from every side."""
    rng = np.random.default_rng(0)
    count = 3000
    means = rng.normal(size=(count, 3))
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    quaternions = rng.normal(size=(count, 4))
    sh = rng.normal(0, 0.06, (count, 16, 3))
    sh[:, 0] = 1.2 * np.sin(4 * means)
    return Gaussians(
        means=means.astype(np.float32),
        log_scales=rng.normal(-3, 0.4, (count, 3)).astype(np.float32),
        quaternions=(quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).astype(np.float32),
        opacity_logits=rng.normal(2, 1.5, count).astype(np.float32),
        sh=sh.astype(np.float32),
    )


def render(model: Gaussians) -> np.ndarray:
    pose = np.eye(4)
    pose[2, 3] = 3
    camera = Camera(128, 128, 160.0, 160.0, 64.0, 64.0, pose)
    return np.clip(rasterize(model, camera, outputs=("image",)).image, 0, 1)


@pytest.mark.parametrize("format", [f for f in FORMATS if f.kind == "gaussians"], ids=lambda f: f.name)
def test_pictures_stay_as_they_were(format: Format, tmp_path: Path) -> None:
    model = globe()
    format.write(model, tmp_path / "model", provenance={})
    error = np.mean((render(format.read(tmp_path / "model")) - render(model)) ** 2)
    assert -10 * np.log10(error + 1e-12) > FLOORS_DB.get(format.name, LOSSLESS_DB)

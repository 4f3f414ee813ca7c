"""Random models for the formats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from maquette.recon.gaussians import Gaussians


def _random_model(count: int = 50, degree: int = 3, seed: int = 0) -> Gaussians:
    rng = np.random.default_rng(seed)
    quaternions = rng.normal(size=(count, 4))
    return Gaussians(
        means=rng.normal(0, 3, (count, 3)).astype(np.float32),
        log_scales=rng.normal(-3, 1, (count, 3)).astype(np.float32),
        quaternions=(quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).astype(np.float32),
        opacity_logits=rng.normal(0, 2, count).astype(np.float32),
        sh=rng.uniform(-1.5, 1.5, (count, (degree + 1) ** 2, 3)).astype(np.float32),
    )


@pytest.fixture
def random_model() -> Callable[..., Gaussians]:
    """Makes ``count`` Gaussians of a harmonics ``degree``."""
    return _random_model

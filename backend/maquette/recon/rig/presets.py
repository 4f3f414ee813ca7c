"""How the rig's six views are trained on: what differs from a capture of many photos, and for how long."""

from __future__ import annotations

from dataclasses import replace

from maquette.recon.train_settings import TrainSettings

BASE = TrainSettings(
    iterations=600,
    max_side_px=480,
    max_gaussians=80_000,
    # One colour from everywhere: nothing between six views a quarter turn apart holds down what harmonics do there.
    sh_degree=0,
    depth_weight=1.5,
    # Points lie on all that is seen, one picture's brightness is as good as another's.
    seed_uncovered=False,
    exposure=False,
    # Needles cost nothing in six views and show in all others.
    log_scales_rate=0.008,
    max_scale=0.06,
)

ITERATIONS = {"fastest": 600, "balanced": 1440, "quality": 2880}
LONG_SIDES = {"fastest": 480, "balanced": 480, "quality": 640}


def rig_settings(preset: str, *, seed: int = 0) -> TrainSettings:
    """Settings for ``fastest``, ``balanced`` or ``quality``."""
    return replace(BASE, iterations=ITERATIONS[preset], max_side_px=LONG_SIDES[preset], seed=seed)

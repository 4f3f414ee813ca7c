"""How long each preset trains, at what size: one table. Measured figures stand in docs/engine.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from maquette.recon.train_settings import TrainSettings
from maquette.steps.parameters import GenerateParameters

REFERENCE_LEARNING_RATE = 0.01
"""The ``learning_rate`` of a refine call that means the trainer's own step sizes."""


FEW_PHOTOS, FEW_PHOTOS_OPACITY_WEIGHT = 16, 0.01
"""With fewer training photos, fog in front of unseen places costs nothing in training; a small weight on opacity does
away with part of it (kermit, 8 photos, 2000 iterations, mean of three seeds: 20.8 to 21.3 dB held out; fox, 21 photos:
0.3 dB worse, so not there)."""


@dataclass(frozen=True)
class Preset:
    """Iterations are photos seen, one at a time; ``rounds``: how often each is seen at most; sizes are in px.

    The second limit keeps a handful of photos from being learned by heart: beyond it their held-out quality falls.
    """

    iterations: int
    rounds: int
    long_side: int
    max_gaussians: int
    refine_steps: int

    def settings(self, wanted: GenerateParameters, photos: int) -> TrainSettings:
        """The trainer's settings for a generate call with so many training photos; the call may override."""
        return TrainSettings(
            iterations=wanted.iterations or min(self.iterations, self.rounds * photos),
            max_side_px=wanted.long_side or self.long_side,
            max_gaussians=wanted.max_gaussians or self.max_gaussians,
            sh_degree=3 if wanted.sh_degree is None else wanted.sh_degree,
            opacity_weight=FEW_PHOTOS_OPACITY_WEIGHT if photos < FEW_PHOTOS else 0.0,
            seed=wanted.seed,
        )


def mesh_preset(wanted: str | None, details: Mapping[str, Any]) -> str:
    """The preset of a mesh: the one asked for, else that of the version (``details`` of its row)."""
    return wanted or str(details.get("preset") or "balanced")


PRESETS: dict[str, Preset] = {
    "fastest": Preset(iterations=1500, rounds=125, long_side=480, max_gaussians=80_000, refine_steps=200),
    "balanced": Preset(iterations=4000, rounds=200, long_side=480, max_gaussians=150_000, refine_steps=400),
    "quality": Preset(iterations=8000, rounds=300, long_side=640, max_gaussians=300_000, refine_steps=800),
}
"""Presets by name."""

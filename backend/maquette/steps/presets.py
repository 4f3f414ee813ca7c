"""How long each preset trains, at what size: one table. Measured figures stand in docs/engine.md."""

from __future__ import annotations

from dataclasses import dataclass

from maquette.recon.train_settings import TrainSettings
from maquette.steps.parameters import GenerateParameters

REFERENCE_LEARNING_RATE = 0.01
"""The ``learning_rate`` of a refine call that means the trainer's own step sizes."""


@dataclass(frozen=True)
class Preset:
    """Iterations are photos seen, one at a time; sizes are long sides in px."""

    iterations: int
    long_side: int
    max_gaussians: int
    refine_steps: int

    def settings(self, wanted: GenerateParameters) -> TrainSettings:
        """The trainer's settings for a generate call, which may override the preset."""
        return TrainSettings(
            iterations=wanted.iterations or self.iterations,
            max_side_px=wanted.long_side or self.long_side,
            max_gaussians=wanted.max_gaussians or self.max_gaussians,
            seed=wanted.seed,
        )


PRESETS: dict[str, Preset] = {
    "fastest": Preset(iterations=700, long_side=480, max_gaussians=60_000, refine_steps=200),
    "balanced": Preset(iterations=2000, long_side=480, max_gaussians=120_000, refine_steps=400),
    "quality": Preset(iterations=7000, long_side=640, max_gaussians=300_000, refine_steps=1000),
}
"""Presets by name."""

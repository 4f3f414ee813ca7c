"""A refiner by second-order optimisation (Levenberg-Marquardt), as a command: it betters a model on its photos."""

from __future__ import annotations

from maquette.steps.engines.engine import Engine

ENGINE = Engine(
    name="lm",
    makes="model",
    steps=("refine",),
    description="Betters the model by a Levenberg-Marquardt optimiser.",
    settings=("GS_LM_ENABLE", "GS_LM_COMMAND"),
)

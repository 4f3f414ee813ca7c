"""Any program that keeps to the contract: it makes a model of photos, or of photos and an earlier model."""

from __future__ import annotations

from maquette.steps.engines.engine import Engine

ENGINE = Engine(
    name="command",
    makes="model",
    steps=("generate", "refine"),
    description="A command of your own that makes the model (docs/engines.md).",
    settings=("MAQUETTE_ENGINE_COMMAND",),
)

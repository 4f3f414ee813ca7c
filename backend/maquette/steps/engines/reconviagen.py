"""ReconViaGen: a mesh of a few photos by a generative model that is held to them (2025), as a command."""

from __future__ import annotations

from maquette.steps.engines.engine import Engine

ENGINE = Engine(
    name="reconviagen",
    makes="mesh",
    steps=("generate", "refine"),
    description="Makes the version's mesh of the photos by a generative model; the model itself is ours.",
    settings=("RECONVIAGEN_COMMAND",),
)

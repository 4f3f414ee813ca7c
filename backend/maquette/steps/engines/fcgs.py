"""FCGS: compression of a finished model without training (Chen et al., "Fast Feedforward 3D Gaussian Splatting
Compression", 2024), as a command. It is an export format of that name.
"""

from __future__ import annotations

from maquette.steps.engines.engine import Engine

ENGINE = Engine(
    name="fcgs",
    makes="compressed",
    steps=("export",),
    description="The model compressed by FCGS; only that program reads it.",
    settings=("FCGS_COMMAND",),
    extension=".fcgs",
)

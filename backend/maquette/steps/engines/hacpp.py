"""HAC++: compression by anchors and a learned entropy model (Chen et al., "HAC++: Towards 100X Compression of 3D
Gaussian Splatting", 2025), as a command. It trains on the photos, which every engine is given. An export format.
"""

from __future__ import annotations

from maquette.steps.engines.engine import Engine

ENGINE = Engine(
    name="hacpp",
    makes="compressed",
    steps=("export",),
    description="The model compressed by HAC++; only that program reads it.",
    settings=("HACPP_COMMAND",),
    extension=".hacpp",
)

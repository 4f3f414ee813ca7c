"""nvdiffrec: mesh, material and light by inverse rendering (Munkberg et al., "Extracting Triangular 3D Models,
Materials, and Lighting From Images", 2022), as a command.
"""

from __future__ import annotations

from maquette.steps.engines.engine import Engine

ENGINE = Engine(
    name="nvdiffrec",
    makes="mesh",
    steps=("generate", "refine"),
    description="Makes the version's mesh of the photos by inverse rendering; the model itself is ours.",
    settings=("NVDIFFREC_COMMAND",),
)

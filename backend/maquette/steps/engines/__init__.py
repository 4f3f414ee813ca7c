"""Programs besides ours that a stage may be done by. ``ENGINES`` is the list; an adapter is one file and one entry.

What they are given and must leave is docs/engines.md. All are off until this machine's settings name them.
"""

from __future__ import annotations

from maquette.steps.engines import command, fcgs, gaussian_splatting, hacpp, lm, nvdiffrec, reconviagen
from maquette.steps.engines.engine import OURS, Engine

BOTH = Engine(
    name="both",
    makes="mesh",
    steps=("generate", "refine"),
    description="Makes the mesh by reconviagen and by nvdiffrec, and keeps the one that the photos agree with more.",
    one_of=(reconviagen.ENGINE.name, nvdiffrec.ENGINE.name),
)

ENGINES: tuple[Engine, ...] = (
    command.ENGINE,
    gaussian_splatting.ENGINE,
    lm.ENGINE,
    reconviagen.ENGINE,
    nvdiffrec.ENGINE,
    BOTH,
    fcgs.ENGINE,
    hacpp.ENGINE,
)


def engine_named(name: str) -> Engine | None:
    """The engine of that name; None for ours and for one that nobody knows."""
    return next((engine for engine in ENGINES if engine.name == name), None)


def compressor_of(format_name: str) -> Engine | None:
    """The engine that makes the export format of that name; None where we do."""
    found = engine_named(format_name)
    return found if found is not None and found.makes == "compressed" else None


__all__ = ["ENGINES", "OURS", "Engine", "compressor_of", "engine_named"]

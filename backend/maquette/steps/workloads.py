"""Which runs take about as long as each other: a name for what decides the length of a step, and how much of it.

Expected times come from earlier runs of the same name and about the same size, so whatever a call sets that changes the
time stands in the name: work that was shortened by hand must not be compared with a preset's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maquette.steps.engines.engine import OURS


def workload_of(
    step: str, parameters: Mapping[str, Any], *, model: Mapping[str, Any] | None = None, given: str | None = None
) -> str:
    """Name of the work, such as ``generate/balanced/1500it/640px``, ``refine/none/balanced/480px``, ``export/ply``.

    ``model``: ``details`` of the version that a refine begins with. Its preset decides how long a round is, and the
    size of its training images what one step costs; neither is said by the call. ``given``: what a generate begins
    with where that is not photos, such as ``one_photo``: other work is done.
    """
    match step:
        case "generate":
            parts = [parameters.get("preset"), given, _engine(parameters), *_generate_overrides(parameters)]
        case "refine":
            parts = [
                parameters.get("enhancement") or "default",
                _engine(parameters),
                *_trained_as(model or {}),
                _counted(parameters.get("steps_per_iteration"), "it"),
                _counted(parameters.get("enhancement_steps"), "steps"),
                _counted(len(parameters.get("views_to_refine") or ()), "views"),
            ]
        case "export":
            parts = [
                parameters.get("format"),
                parameters.get("preset"),
                "filtered" if parameters.get("filter_floaters") else None,
                "optimized" if parameters.get("optimize") else None,
                "light" if parameters.get("light") else None,
            ]
        case _:
            parts = []
    return "/".join([step, *(str(part) for part in parts if part)])


def size_of(step: str, parameters: Mapping[str, Any], *, photos: int = 0, gaussians: int = 0) -> float:
    """How much there is to do: photos of a generate, photos times rounds of a refine, thousands of Gaussians of an
    export; of a bundle, which :mod:`maquette.api.readiness` measures itself, megabytes.
    """
    if step == "refine":
        return float(photos * parameters.get("num_iterations", 1))
    return gaussians / 1000 if step == "export" else float(photos)


def _engine(parameters: Mapping[str, Any]) -> str | None:
    """Another engine is other work; ours goes without saying."""
    return None if parameters.get("engine") in (None, OURS) else str(parameters["engine"])


def _generate_overrides(parameters: Mapping[str, Any]) -> list[str | None]:
    return [
        _counted(parameters.get("iterations"), "it"),
        _counted(parameters.get("long_side"), "px"),
        _counted(parameters.get("max_gaussians"), "gaussians"),
        _counted(parameters.get("num_views"), "made"),
    ]


def _trained_as(model: Mapping[str, Any]) -> list[str | None]:
    return [model.get("preset"), _counted((model.get("settings") or {}).get("max_side_px"), "px")]


def _counted(number: int | None, unit: str) -> str | None:
    return f"{number}{unit}" if number else None

"""Depth priors for the photos of a scene, one after another, each with how it was made or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from maquette.errors import MaquetteError
from maquette.progress import Progress, silent
from maquette.recon.depth.errors import DepthNotAlignedError, TooFewDepthPointsError
from maquette.recon.depth.estimator import DepthEstimator
from maquette.recon.depth.views import view_depth, write_depth_prior
from maquette.recon.photos import load_photo
from maquette.recon.scene import Scene

DISAGREES = "depth_network_disagrees"
"""The warning's code where a network's depth cannot be brought to the scale of a view's sparse points."""


@dataclass(frozen=True)
class DepthWarning:
    """A stable ``code`` and a sentence; ``degraded`` where a fallback stood in for a network."""

    code: str
    message: str
    degraded: bool = False


@dataclass(frozen=True, eq=False)
class SceneDepths:
    """``scene`` with a depth for each view that got one; ``details`` of those by view index, ``refused`` the others."""

    scene: Scene
    details: dict[int, dict[str, Any]]
    refused: dict[int, MaquetteError]
    warnings: tuple[DepthWarning, ...]


def add_depths(
    scene: Scene,
    views: Sequence[int],
    folder: Path,
    estimator: DepthEstimator | None = None,
    *,
    tiles: bool = False,
    progress: Progress = silent,
) -> SceneDepths:
    """Write a depth prior into ``folder``, called as its view, for each of ``views`` that brings none of its own.

    A view whose depth nobody can tell is left without and named. Raises ``unreadable_photo``, and what is the
    matter with the network itself (``onnxruntime_missing``, ``depth_model_broken``) was raised when it was loaded.
    """
    details: dict[int, dict[str, Any]] = {}
    refused: dict[int, MaquetteError] = {}
    changed = list(scene.views)
    for number, index in enumerate(views):
        view = scene.views[index]
        progress("depth", number / len(views), view.name)
        if view.depth_path is not None:
            continue
        pixels = np.ascontiguousarray(load_photo(view, 1.0).pixels.transpose(1, 2, 0))
        try:
            found = view_depth(pixels, view.camera, scene.points, estimator, tiles=tiles)
        except TooFewDepthPointsError as error:
            refused[index] = error
            continue
        path = folder / f"{Path(view.name).name}.npy"
        if write_depth_prior(found, path):
            changed[index] = replace(view, depth_path=path)
            details[index] = found.details()
    progress("depth", 1.0)
    return SceneDepths(replace(scene, views=tuple(changed)), details, refused, _warnings(details, refused, estimator))


def passed_over(errors: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """What was said against a network, by the errors' codes: one sentence a view."""
    said: dict[str, list[str]] = {}
    for error in errors:
        said.setdefault(str(error["code"]), []).append(str(error["message"]))
    return said


def _warnings(
    details: dict[int, dict[str, Any]], refused: dict[int, MaquetteError], estimator: DepthEstimator | None
) -> tuple[DepthWarning, ...]:
    found = []
    classical = [one for one in details.values() if one["degraded"]]
    if classical and estimator is None:
        found.append(
            DepthWarning(
                "depth_classical",
                f"No depth network is used: the depth of {len(classical)} photos was interpolated from sparse points.",
                degraded=True,
            )
        )
    elif estimator is not None:
        found += [
            DepthWarning(
                DISAGREES if code == DepthNotAlignedError.code else code,
                f"{estimator.model.name} was passed over for {len(reasons)} photos, whose depth was interpolated from"
                f" sparse points instead. {reasons[0]}",
                degraded=True,
            )
            for code, reasons in passed_over([one["passed_over"] for one in classical]).items()
        ]
    if refused:
        found.append(DepthWarning("depth_unknown", f"{len(refused)} photos show too few sparse points for a depth."))
    return tuple(found)

"""Whether a model may count as finished: no undefined number, nothing far outside its cameras, something to see.

Two kinds of findings. A hard one says that this is no model: the step fails. A soft one says that something is wrong
with it: the version is kept, degraded, and takes no sound one's place. The bounds stand here and in docs/metrics.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray

from maquette.errors import MaquetteError
from maquette.recon.gaussians import Gaussians
from maquette.recon.scene import Scene

FARTHEST_RADII, LARGEST_RADII = 100.0, 10.0
"""How far from the mean camera a Gaussian may lie, and how large its longest standard deviation may be, in radii of the
scene (:func:`reach`). Sky and hills lie at tens of radii; what lies at hundreds was thrown there."""

FEW, MOST = 0.01, 0.5
"""Share of Gaussians outside a bound from which on the model is degraded, and no model."""

OPAQUE, LEAST_OPAQUE = 0.05, 0.05
"""Opacity above which a Gaussian is there at all, and the share of them that a sound model has at least. Training sets
all opacities to 0.01 now and then: what stops right after has collapsed."""

COVERED = 0.5
"""Alpha from which on a pixel shows the model more than what is behind it."""

EMPTY, NEARLY_EMPTY = 0.005, 0.05
"""Share of covered pixels: below the first a render is empty; below the second, in the mean, the model is degraded."""

FLAT_STEPS, VARIED_STEPS = 1.0, 4.0
"""A render is of a single colour where no channel's standard deviation, 8-bit steps, reaches the first and its photo's
reaches the second: a photo of a white wall may be white."""

SOME_VIEWS = 0.25
"""Share of measured views that show nothing, from which on the model is degraded; all of them: no model."""

_AGAIN = "Generate again with another seed or more photos; an earlier version can be refined on."


class UnsoundModelError(MaquetteError):
    """What came out of training is no model."""

    code = "model_not_sound"

    def __init__(self, findings: Sequence[Finding]) -> None:
        first = findings[0]
        super().__init__(
            " ".join(finding.message for finding in findings),
            suggestion=first.suggestion,
            reasons=[finding.as_dict() for finding in findings],
        )


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: a stable ``code``, a sentence, what to do, and what was ``measured`` against what."""

    code: str
    message: str
    suggestion: str
    hard: bool
    measured: float
    bound: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Shown:
    """What a measured view shows: share of its counting pixels that the model covers, and the largest standard
    deviation of a channel, 8-bit steps, of render and photo.
    """

    coverage: float
    render_steps: float
    photo_steps: float

    @property
    def empty(self) -> bool:
        """Whether next to nothing of the model is in it."""
        return self.coverage < EMPTY

    @property
    def flat(self) -> bool:
        """Whether it is of one colour and its photo is not."""
        return self.render_steps < FLAT_STEPS and self.photo_steps >= VARIED_STEPS


@dataclass(frozen=True)
class Bounds:
    """Where the centres of the Gaussians lie, world units: from the least to the largest along each axis, and the same
    without the outermost 1 % at either end.
    """

    min: tuple[float, float, float]
    max: tuple[float, float, float]
    p1: tuple[float, float, float]
    p99: tuple[float, float, float]


def bounds_of(gaussians: Gaussians) -> Bounds:
    """The bounds of a model that is not empty and all finite."""
    low, high = gaussians.means.min(axis=0), gaussians.means.max(axis=0)
    inner = np.percentile(gaussians.means.astype(np.float64), [1, 99], axis=0)
    return Bounds(*(_three(values) for values in (low, high, *inner)))


def _three(values: Float[ndarray, " 3"]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in values)
    return x, y, z


def reach(scene: Scene) -> float:
    """The scene's radius, or the median distance of its points from the mean camera where that is larger.

    Cameras close together see what is far: of a landscape from one hill the cameras' radius says nothing.
    """
    centre = np.mean([view.camera.centre for view in scene.views], axis=0)
    points = float(np.median(np.linalg.norm(scene.points - centre, axis=1))) if len(scene.points) else 0.0
    return max(scene.radius, points)


def check_gaussians(gaussians: Gaussians, scene: Scene) -> list[Finding]:
    """Findings about the numbers alone; after ``model_empty`` or ``model_not_finite`` nothing else can be said."""
    if len(gaussians) == 0:
        return [_hard("model_empty", "The model holds no Gaussian.", 0.0, 1.0)]
    arrays = (gaussians.means, gaussians.log_scales, gaussians.quaternions, gaussians.opacity_logits, gaussians.sh)
    undefined = sum(int((~np.isfinite(array)).sum()) for array in arrays)
    if undefined:
        return [_hard("model_not_finite", f"{undefined} numbers of the model are undefined.", float(undefined), 0.0)]
    return [*_check_extent(gaussians, scene), *_check_sizes(gaussians, scene), *_check_opacity(gaussians)]


def _check_extent(gaussians: Gaussians, scene: Scene) -> Iterable[Finding]:
    centre = np.mean([view.camera.centre for view in scene.views], axis=0)
    far = np.linalg.norm(gaussians.means.astype(np.float64) - centre, axis=1) > FARTHEST_RADII * reach(scene)
    return _beyond(
        "model_outside_scene", f"of the Gaussians lie more than {FARTHEST_RADII:g} scene radii from the cameras", far
    )


def _check_sizes(gaussians: Gaussians, scene: Scene) -> Iterable[Finding]:
    # In logarithms: the exponential of a size that was thrown away is infinite.
    large = gaussians.log_scales.max(axis=1).astype(np.float64) > np.log(max(LARGEST_RADII * reach(scene), 1e-300))
    return _beyond("gaussians_too_large", f"of the Gaussians are larger than {LARGEST_RADII:g} scene radii", large)


def _beyond(code: str, what: str, outside: ndarray) -> Iterable[Finding]:
    share = float(outside.mean())
    if share > FEW:
        hard = share > MOST
        yield Finding(code, f"{share:.0%} {what}.", _AGAIN, hard, share, MOST if hard else FEW)


def _check_opacity(gaussians: Gaussians) -> Iterable[Finding]:
    share = float((gaussians.opacity_logits > np.log(OPAQUE / (1 - OPAQUE))).mean())
    if share < LEAST_OPAQUE:
        yield Finding(
            "opacity_collapsed",
            f"Only {share:.1%} of the Gaussians are more opaque than {OPAQUE:g}; {LEAST_OPAQUE:.0%} are expected.",
            _AGAIN,
            share == 0,
            share,
            LEAST_OPAQUE,
        )


def look_of(
    alpha: Float32[ndarray, "h w"],
    render: UInt8[ndarray, "h2 w2 3"],
    photo: UInt8[ndarray, "h2 w2 3"],
    weights: UInt8[ndarray, "h w"] | None = None,
) -> Shown:
    """What one measured view shows. ``alpha`` may be of a smaller size; with ``weights`` (255 counts fully, of alpha's
    size) its pixels count by them.
    """
    covered = alpha >= COVERED
    share = (
        float(covered.mean()) if weights is None or not weights.any() else float(np.average(covered, weights=weights))
    )
    return Shown(share, *(float(picture.std(axis=(0, 1), dtype=np.float64).max()) for picture in (render, photo)))


def check_renders(shown: Sequence[Shown]) -> list[Finding]:
    """Findings about what the measured views show; nothing where none was measured."""
    if not shown:
        return []
    found = []
    for code, of_what, count in (
        ("renders_empty", "show nothing of the model", sum(one.empty for one in shown)),
        ("renders_one_colour", "are of a single colour", sum(one.flat for one in shown)),
    ):
        share = count / len(shown)
        if share >= SOME_VIEWS:
            hard = count == len(shown)
            message = f"{count} of {len(shown)} measured views {of_what}."
            found.append(Finding(code, message, _AGAIN, hard, share, 1.0 if hard else SOME_VIEWS))
    coverage = float(np.mean([one.coverage for one in shown]))
    if coverage < NEARLY_EMPTY and not any(finding.code == "renders_empty" for finding in found):
        message = f"The model covers {coverage:.1%} of the measured views; {NEARLY_EMPTY:.0%} are expected."
        found.append(Finding("renders_nearly_empty", message, _AGAIN, False, coverage, NEARLY_EMPTY))
    return found


def refuse_hard(findings: Sequence[Finding]) -> None:
    """Raise :class:`UnsoundModelError` with the hard findings, where there are any."""
    hard = [finding for finding in findings if finding.hard]
    if hard:
        raise UnsoundModelError(hard)


def _hard(code: str, message: str, measured: float, bound: float) -> Finding:
    return Finding(code, message, _AGAIN, True, measured, bound)

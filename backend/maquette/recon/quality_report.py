"""``quality.json``: what a version reaches, what was to be expected, and what to think of both.

Held-out views where there are any; else those that were trained on, which flatter every model, and ``split`` says so.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from statistics import median
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from maquette.recon.quality import Quality

Status = Literal["normal", "warning", "failure", "unknown"]
"""By :data:`CLASSES`; ``unknown`` where nothing was measured."""

CLASSES: Mapping[str, tuple[float, float]] = types.MappingProxyType({"normal": (25.0, 0.85), "warning": (20.0, 0.75)})
"""Least PSNR in dB and SSIM of each class, both to be reached; below all it is a failure. SQL has the same numbers in
``public.expected_quality``, which a test sees to."""

LEAST_REFERENCES = 3
SIMILAR_FACTOR = 2.0
"""Captures with up to so many times more or fewer photos are similar."""


@dataclass(frozen=True)
class Reference:
    """What another capture reached on its held-out views: what an expectation is made of."""

    name: str
    preset: str
    photos: int
    psnr: float
    ssim: float


@dataclass(frozen=True)
class ViewQuality:
    """One view's numbers. ``psnr`` and ``ssim`` are None where they are undefined, the others where not measured."""

    view_index: int
    name: str
    psnr: float | None
    ssim: float | None
    lpips: float | None = None
    depth_consistency: float | None = None


@dataclass(frozen=True)
class Warned:
    """A warning of the run."""

    code: str
    message: str
    suggestion: str = ""


@dataclass(frozen=True)
class MeshQuality:
    """The textured mesh against the same photos."""

    psnr: float | None
    ssim: float | None
    faces: int


@dataclass(frozen=True)
class QualityReport:
    """The whole of ``quality.json``. PSNR in dB, SSIM up to 1, shares 0 to 1; None is not measured or not known."""

    version: int
    status: Status
    summary: str
    psnr: float | None
    ssim: float | None
    psnr_expected: float | None
    ssim_expected: float | None
    expected_from: str
    overall: float | None
    split: Literal["held_out", "training"] | None
    views: tuple[ViewQuality, ...]
    observed_share: float | None
    mesh: MeshQuality | None
    degraded: bool
    warnings: tuple[Warned, ...]
    thresholds: dict[str, dict[str, float]]
    format: int = 1

    def as_dict(self) -> dict[str, Any]:
        """For JSON; :func:`json_schema` describes it."""
        return asdict(self)


def quality_report(
    version: int,
    views: Sequence[ViewQuality],
    *,
    split: Literal["held_out", "training"],
    preset: str = "",
    photos: int = 0,
    references: Sequence[Reference] = (),
    observed_share: float | None = None,
    mesh: MeshQuality | None = None,
    degraded: bool = False,
    warnings: Sequence[Warned] = (),
) -> QualityReport:
    """Sum up ``views`` of one split. ``references``: what other captures reached, wherever the caller knows it from.

    A view whose numbers are undefined makes the means unknown and the status a failure.
    """
    views = [replace(view, psnr=_finite(view.psnr), ssim=_finite(view.ssim)) for view in views]
    psnr, ssim = _mean([view.psnr for view in views]), _mean([view.ssim for view in views])
    status = quality_class(psnr, ssim) if views else "unknown"
    psnr_expected, ssim_expected, expected_from = expectation(references, preset, photos)
    return QualityReport(
        version=version,
        status=status,
        summary=_summary(status, psnr, ssim, split),
        psnr=psnr,
        ssim=ssim,
        psnr_expected=psnr_expected,
        ssim_expected=ssim_expected,
        expected_from=expected_from,
        overall=None if psnr is None or ssim is None else _overall(psnr, ssim, views),
        split=split if views else None,
        views=tuple(views),
        observed_share=observed_share,
        mesh=mesh,
        degraded=degraded,
        warnings=tuple(warnings),
        thresholds={name: {"psnr": bound[0], "ssim": bound[1]} for name, bound in CLASSES.items()},
    )


def quality_class(psnr: float | None, ssim: float | None) -> Status:
    """The best class whose bounds both numbers reach, a bound itself included; undefined numbers are a failure."""
    if psnr is None or ssim is None:
        return "failure"
    reached = [name for name, (least_psnr, least_ssim) in CLASSES.items() if psnr >= least_psnr and ssim >= least_ssim]
    return "normal" if "normal" in reached else "warning" if "warning" in reached else "failure"


def expectation(references: Sequence[Reference], preset: str, photos: int) -> tuple[float | None, float | None, str]:
    """Median PSNR and SSIM of similar captures, and where the numbers are from; where too few are known, the least that
    makes a version ``normal``.

    Similar: of the same preset, with half to twice as many photos.
    """
    similar = [
        one
        for one in references
        if one.preset == preset and photos > 0 and 1 / SIMILAR_FACTOR <= one.photos / photos <= SIMILAR_FACTOR
    ]
    if len(similar) < LEAST_REFERENCES:
        return *CLASSES["normal"], f"the least of the class normal: {len(similar)} similar captures are known"
    source = (
        f"median of {len(similar)} captures of {min(one.photos for one in similar)} to "
        f"{max(one.photos for one in similar)} photos with the preset {preset}: "
        + ", ".join(sorted({one.name for one in similar})[:5])
    )
    return median(one.psnr for one in similar), median(one.ssim for one in similar), source


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of :meth:`QualityReport.as_dict`, made from its fields."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_schema(QualityReport)}


def _schema(kind: Any) -> dict[str, Any]:
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind)]
        return {
            "type": "object",
            "properties": {name: _schema(hints[name]) for name in names},
            "required": names,
            "additionalProperties": False,
        }
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(one) for one in inner]}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is tuple:
        return {"type": "array", "items": _schema(inner[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(inner[1])}
    plain = {float: "number", int: "integer", str: "string", bool: "boolean", type(None): "null"}
    return {"type": plain[kind]}


def _finite(value: float | None) -> float | None:
    """NaN and infinity are no JSON numbers."""
    return value if value is not None and math.isfinite(value) else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _overall(psnr: float, ssim: float, views: Sequence[ViewQuality]) -> float:
    lpips = [view.lpips for view in views if view.lpips is not None]
    depth = [view.depth_consistency for view in views if view.depth_consistency is not None]
    return Quality(psnr, ssim, _mean(lpips), _mean(depth)).overall


def _summary(status: Status, psnr: float | None, ssim: float | None, split: str) -> str:
    if status == "unknown":
        return "Nothing was measured."
    if psnr is None or ssim is None:
        return "Failure: a view's numbers are undefined."
    where = "photos never trained on" if split == "held_out" else "the photos it was trained on"
    return f"{status.capitalize()}: PSNR {psnr:.1f} dB, SSIM {ssim:.2f} on {where}."

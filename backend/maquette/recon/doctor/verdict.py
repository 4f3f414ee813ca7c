"""The judgement on a set of photos."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from maquette.recon.capture import Reason, Status
from maquette.recon.doctor.coverage import Coverage

HINTS = frozenset({"few_for_a_whole_model", "one_height", "mixed_sizes", "mixed_cameras", "exposure_changes"})
"""Findings that are worth saying and are no fault: they leave the verdict at ``ok``."""
FATAL = frozenset({"too_few_photos", "too_small", "too_large", "bad_aspect"})


@dataclass(frozen=True)
class SetVerdict:
    """``status``: ``ok``, ``warning`` or ``rejected`` (nothing can be made of it). ``reasons``: the gravest first,
    one action each. ``coverage``: what the cameras cover; None until they are placed.
    """

    status: Status
    reasons: tuple[Reason, ...]
    coverage: Coverage | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def verdict_of(reasons: Iterable[Reason], coverage: Coverage | None = None) -> SetVerdict:
    """The verdict that these reasons make."""
    ordered = tuple(sorted(reasons, key=lambda reason: 2 * (reason.code in HINTS) - (reason.code in FATAL)))
    codes = {reason.code for reason in ordered}
    status: Status = "rejected" if codes & FATAL else "warning" if codes - HINTS else "ok"
    return SetVerdict(status, ordered, coverage)

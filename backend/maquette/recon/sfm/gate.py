"""The quality gate: which numbers stop a reconstruction and which only warn."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """Under ``error`` the work stops, under ``warning`` it goes on and says so."""

    error: float
    warning: float


PLACED = Limit(3.0, 5.0)
PLACED_SHARE = Limit(0.60, 0.80)
POINTS = Limit(300.0, 800.0)
TRACK_LENGTH = Limit(2.0, 3.0)

STRANGERS_SHARE = 1 / 3
"""Of all photos: how many may show something else before they count against the set. Photos that share nothing with
those placed say nothing of how well these are placed; but where they are many, nobody can tell which the subject is."""


@dataclass(frozen=True)
class Finding:
    """One limit not reached."""

    code: str
    message: str
    suggestion: str
    fatal: bool


def check(placed: int, total: int, points: int, mean_track_length: float, *, strangers: int = 0) -> tuple[Finding, ...]:
    """Compare a reconstruction with every limit, the gravest first. ``strangers``: see :func:`counted`."""
    findings = []
    total = counted(total, strangers)
    if placed < PLACED.warning or placed / max(total, 1) < PLACED_SHARE.warning:
        fatal = placed < PLACED.error or placed / max(total, 1) < PLACED_SHARE.error
        findings.append(
            Finding(
                "few_photos_placed",
                f"Only {placed} of {total} photos could be placed."
                if placed < total
                else f"There are only {total} photos; {PLACED.warning:.0f} or more are needed for a good model.",
                "Take photos between those that fell off and the others, in small steps."
                if placed < total
                else "Take 20 or more photos around the thing, each overlapping the last by two thirds.",
                fatal,
            ),
        )
    if points < POINTS.warning:
        findings.append(
            Finding(
                "few_points",
                f"Only {points} points were found on the subject; {POINTS.warning:.0f} or more are usual.",
                "Take sharper or larger photos, and leave textured things in view.",
                points < POINTS.error,
            )
        )
    if mean_track_length < TRACK_LENGTH.warning:
        findings.append(
            Finding(
                "short_tracks",
                f"A point is seen by {mean_track_length:.1f} photos on average; "
                f"{TRACK_LENGTH.warning:.0f} or more make it certain.",
                "Take more photos with more overlap: each spot should be in three photos or more.",
                mean_track_length < TRACK_LENGTH.error,
            )
        )
    return tuple(sorted(findings, key=lambda finding: not finding.fatal))


def passes(findings: tuple[Finding, ...]) -> bool:
    """No finding is fatal."""
    return not any(finding.fatal for finding in findings)


def counted(total: int, strangers: int) -> int:
    """Photos that the share of placed ones is taken of: all but ``strangers``, which share nothing with those placed,
    as long as these are at most a third.
    """
    return total - strangers if strangers <= STRANGERS_SHARE * total else total


def photos_needed(total: int, strangers: int = 0) -> int:
    """Least number of placed photos out of ``total`` that passes."""
    return max(int(PLACED.error), math.ceil(PLACED_SHARE.error * counted(total, strangers)))

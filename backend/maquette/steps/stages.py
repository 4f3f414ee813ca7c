"""The stages of each step, in order, with their usual share of its time: what a progress bar is drawn from."""

from __future__ import annotations

STAGES: dict[str, dict[str, float]] = {
    "upload": {"reading": 1.0},
    "generate": {
        "features": 0.08,
        "matching": 0.08,
        "mapping": 0.10,
        "undistort": 0.02,
        "priors": 0.02,
        "training": 0.60,
        "depth": 0.05,
        "evaluation": 0.05,
    },
    "refine": {"loading": 0.03, "rounds": 0.97},
    "export": {
        "surface": 0.4,
        "texture": 0.3,
        "previews": 0.12,
        "optimizing": 0.1,
        "writing": 0.04,
        "checking": 0.04,
    },
}


def percentage(step: str, stage: str, fraction: float) -> float:
    """How far a whole step is, 0 to 100, when it is at this fraction of this stage. An unknown stage counts as 0."""
    done = 0.0
    for name, share in STAGES[step].items():
        if name == stage:
            return 100 * (done + share * min(max(fraction, 0.0), 1.0))
        done += share
    return 0.0

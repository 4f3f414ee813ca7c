"""What can be chosen about placing cameras: each with its default and unit."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


@dataclass(frozen=True)
class SfmSettings:
    """Defaults suit 3 to some hundreds of photos; see each field."""

    seed: int = 0
    """Of every random draw (RANSAC, clustering). On one thread the same seed gives the same bits; on more,
    native sums of floats come in any order, which rarely decides something."""
    feature_image_px: int = 1000
    """Photos are reduced to this long side before features are looked for."""
    max_features: int = 4096
    """Most features kept per photo, largest first. Matching costs the square of this."""
    exhaustive_up_to: int = 60
    """Photos up to which every pair is matched; beyond, pairs per photo are bounded."""
    sequential_overlap: int = 10
    """Beyond that: neighbours in name order that each photo is matched with."""
    similar_photos: int = 20
    """Beyond that: photos most alike that each photo is matched with."""
    ordered: bool = False
    """The photos are frames in name order (a video): match neighbours and look-alikes however few there are."""
    recover: bool = True
    """Try again with other settings when the gate fails."""
    undistorted_long_side_px: int | None = None
    """Long side of the undistorted photos; None keeps the size."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where features are found and matched; ``auto`` takes a GPU where there is one and pycolmap is built for it."""
    threads: int = field(default_factory=_cores)
    """CPU threads; every core this process may use by default."""

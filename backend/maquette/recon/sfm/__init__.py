"""Cameras from photos by structure-from-motion (Schönberger and Frahm 2016), run in a child process.

:func:`place_cameras` is the door. Everything that touches pycolmap runs in :mod:`.child`, because its native code
can end the process it runs in.
"""

from maquette.recon.sfm.errors import (
    PhotosShareNothingError,
    SfmCrashedError,
    TooFewPhotosError,
    TooFewPhotosPlacedError,
    TooFewPointsError,
)
from maquette.recon.sfm.place import place_cameras
from maquette.recon.sfm.result import Attempt, Observations, Placement, SfmResult
from maquette.recon.sfm.settings import SfmSettings

__all__ = [
    "Attempt",
    "Observations",
    "PhotosShareNothingError",
    "Placement",
    "SfmCrashedError",
    "SfmResult",
    "SfmSettings",
    "TooFewPhotosError",
    "TooFewPhotosPlacedError",
    "TooFewPointsError",
    "place_cameras",
]

"""The frame a model stands in: which way is up, and moving, cropping and placing every kind of content."""

from __future__ import annotations

from maquette.recon.frame.crop import BadCropError, Box, EmptyCropError, box_of, crop
from maquette.recon.frame.placing import BadPlacingError, Origin, place_out, placing
from maquette.recon.frame.similarity import BadSimilarityError, Similarity, identity, moved, moved_camera
from maquette.recon.frame.up import BadUpError, Up, find_up, known_up

__all__ = [
    "BadCropError",
    "BadPlacingError",
    "BadSimilarityError",
    "BadUpError",
    "Box",
    "EmptyCropError",
    "Origin",
    "Similarity",
    "Up",
    "box_of",
    "crop",
    "find_up",
    "identity",
    "known_up",
    "moved",
    "moved_camera",
    "place_out",
    "placing",
]

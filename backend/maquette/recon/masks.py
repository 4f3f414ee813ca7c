"""Masks: how much each pixel of a photo counts, 8-bit grey, 255 fully and 0 not at all.

They leave out what is not to be reconstructed and carry the confidence of pixels that were made, not taken: so every
grey between is a weight, and nothing is rounded to yes or no.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.atomic import replacing


class BadMaskError(BadInputError):
    """A view's mask is missing, broken, of another size than its photo, or leaves nothing of it."""

    code = "bad_mask"

    def __init__(self, view: str, why: str, suggestion: str) -> None:
        super().__init__(f"The mask of view {view} {why}.", suggestion=suggestion, view=view)
        self.why = why


def read_mask(path: Path, view: str, width: int, height: int) -> UInt8[ndarray, "h w"]:
    """The weights of a photo of ``width`` x ``height`` pixels: 255 counts fully, 0 not at all.

    Files of 16 bit lose their lower eight. A file that holds nothing above 1 is one of truth values, as some programs
    write them: its ones count fully. Raises :class:`BadMaskError`, naming ``view``.
    """
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
    if mask is None:
        raise BadMaskError(view, "cannot be read", "Check that the file is there and whole.")
    if mask.shape != (height, width):
        raise BadMaskError(
            view,
            f"has {mask.shape[1]} x {mask.shape[0]} pixels, its photo {width} x {height}",
            "Give an 8-bit grey picture of exactly the photo's size.",
        )
    if mask.max() == 1:
        mask = mask * np.uint8(255)
    return refuse_empty(np.ascontiguousarray(mask, np.uint8), view)


def refuse_empty(weights: UInt8[ndarray, "h w"], view: str) -> UInt8[ndarray, "h w"]:
    """``weights``, or :class:`BadMaskError` where they are 0 everywhere."""
    if not weights.any():
        raise BadMaskError(
            view,
            "is black everywhere: nothing of its photo would count",
            "Take the view out of the scene, or paint white what counts.",
        )
    return weights


def shrunk_weights(weights: UInt8[ndarray, "h w"], width: int, height: int) -> UInt8[ndarray, "h2 w2"]:
    """The weights at a smaller size, by area averaging."""
    small: UInt8[ndarray, "h2 w2"] = cv2.resize(weights, (width, height), interpolation=cv2.INTER_AREA)
    return small


def write_mask(weights: UInt8[ndarray, "h w"], target: Path) -> None:
    """Write weights, 255 counting fully, as a grey PNG."""
    target.parent.mkdir(parents=True, exist_ok=True)
    done, png = cv2.imencode(".png", weights)
    if not done:
        raise RuntimeError(f"OpenCV could not encode {target.name}")
    with replacing(target) as file:
        file.write(png.tobytes())


SUBJECT = 128
"""Grey from which a pixel shows the subject."""
BACKGROUND_WEIGHT = 51
"""What a pixel beside the subject counts, of 255: it is known to be empty and has to be learned so, but it is most of
many photos, and easy."""


def subject_of(mask: UInt8[ndarray, "h w"]) -> UInt8[ndarray, "h w"]:
    """255 where the mask shows the subject, 0 elsewhere."""
    return np.where(mask >= SUBJECT, np.uint8(255), np.uint8(0))


def subject_weights(mask: UInt8[ndarray, "h w"]) -> UInt8[ndarray, "h w"]:
    """The weights of a photo whose surroundings were painted black: the subject counts fully, the black a fifth."""
    share = mask.astype(np.float32) / 255
    return np.asarray(np.rint(BACKGROUND_WEIGHT + (255 - BACKGROUND_WEIGHT) * share), np.uint8)


def mask_beside(image_dir: Path, name: str) -> Path | None:
    """COLMAP's place for the mask of ``images/NAME``: ``masks/NAME.png`` (``a.jpg.png``); else ``masks/a.png``."""
    folder = image_dir.parent / "masks"
    places = (folder / f"{name}.png", folder / Path(name).with_suffix(".png"))
    return next((place for place in places if place.is_file()), None)

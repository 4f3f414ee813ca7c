"""Reads one file of an upload as a photo: decoded, upright, measured, with its mask, and written for the next step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maquette.errors import BadInputError, MaquetteError
from maquette.recon import capture
from maquette.recon.background import Removed
from maquette.recon.background.errors import ObjectNotFoundError
from maquette.recon.background.remove import Remover
from maquette.recon.digest import sha256_of
from maquette.recon.images import Photo, read_photo, write_photo
from maquette.recon.masks import SUBJECT, write_mask
from maquette.steps.folder import Folder
from maquette.steps.intake import Entry
from maquette.steps.parameters import UploadParameters

MASK_SIDE_DIFFERENCE = 0.02
"""Masks are brought to their photo's size; this much in the ratio of their sides is rounding, more another picture."""


class MaskDoesNotFitError(BadInputError):
    """A mask is of another shape than its photo, or shows nothing."""

    code = "mask_does_not_fit"


@dataclass(frozen=True)
class Read:
    """One file: a measured photo, or the error it gave. ``mask`` is written beside the photo."""

    entry: Entry
    sha256: str
    measures: capture.Measures | None = None
    original_size: tuple[int, int] | None = None
    focal_px: float | None = None
    format: str = ""
    orientation: int = 1
    camera_model: str | None = None
    mask: Path | None = None
    removed: Removed | None = None
    error: MaquetteError | None = None
    """Of the photo; of its mask where the photo was read all the same."""


def read_one(
    folder: Folder,
    number: int,
    entry: Entry,
    mask: Entry | None,
    wanted: UploadParameters,
    most: int,
    remove: Remover | None = None,
) -> Read:
    """Decode, measure and write one file; its pixels are not kept in memory. ``most``: pixels its header may tell.

    ``remove``: finds the subject of a photo that brings neither a mask nor transparency.
    """
    sha256 = sha256_of(entry.path)
    try:
        photo = read_photo(
            entry.path, name=entry.filename, original_resolution=wanted.original_resolution, max_pixels=most
        )
    except MaquetteError as error:
        return Read(entry, sha256, error=error)
    unfit: MaquetteError | None = None
    weights = photo.alpha
    if mask is not None:
        try:
            weights = _read_mask(mask, photo, most)
        except MaquetteError as wrong:
            unfit = wrong
        else:
            photo = on_black(photo, weights)
    removed: Removed | None = None
    if remove is not None and weights is None:
        try:
            removed = remove(photo.pixels)
        except ObjectNotFoundError as wrong:
            unfit = wrong
        else:
            weights = removed.mask
            photo = on_black(photo, weights)
    written = None
    folder.images.mkdir(parents=True, exist_ok=True)
    write_photo(photo, folder.images / f"{number:04d}.jpg")
    if weights is not None and (weights < SUBJECT).any():
        written = folder.masks / f"{number:04d}.jpg.png"
        folder.masks.mkdir(exist_ok=True)
        write_mask(weights, written)
    return Read(
        entry,
        sha256,
        measures=capture.measure(photo),
        original_size=(photo.original_width, photo.original_height),
        focal_px=photo.focal_px,
        format=photo.format,
        orientation=photo.orientation,
        camera_model=photo.camera_model,
        mask=written,
        removed=removed,
        error=unfit,
    )


def on_black(photo: Photo, weights: UInt8[ndarray, "h w"]) -> Photo:
    """The photo as an empty scene shows what its mask leaves out: black."""
    kept = (photo.pixels.astype(np.uint16) * weights[..., None].astype(np.uint16) + 127) // 255
    return Photo(
        name=photo.name,
        pixels=kept.astype(np.uint8),
        alpha=weights,
        original_width=photo.original_width,
        original_height=photo.original_height,
        focal_px=photo.focal_px,
        camera_model=photo.camera_model,
        format=photo.format,
        notes=photo.notes,
        orientation=photo.orientation,
    )


def _read_mask(entry: Entry, photo: Photo, most: int) -> UInt8[ndarray, "h w"]:
    """The mask at the photo's size. One drawn on the unrotated file would fit no more, and is refused."""
    drawn = read_photo(entry.path, name=entry.filename, original_resolution=True, max_pixels=most)
    grey = cv2.cvtColor(drawn.pixels, cv2.COLOR_RGB2GRAY)
    if abs(drawn.width / drawn.height - photo.width / photo.height) > MASK_SIDE_DIFFERENCE * photo.width / photo.height:
        raise MaskDoesNotFitError(
            f"The mask '{entry.filename}' has {drawn.width} x {drawn.height} pixels, its photo upright"
            f" {photo.original_width} x {photo.original_height}.",
            suggestion="Draw the mask on the upright photo, at its size or at any size of the same shape.",
            file=entry.filename,
        )
    if grey.max() == 1:
        grey = grey * np.uint8(255)
    mask = cv2.resize(grey, (photo.width, photo.height), interpolation=cv2.INTER_AREA)
    if not (mask >= SUBJECT).any():
        raise MaskDoesNotFitError(
            f"The mask '{entry.filename}' is black: nothing of its photo would count.",
            suggestion="Paint white what belongs to the subject.",
            file=entry.filename,
        )
    return np.ascontiguousarray(mask, np.uint8)

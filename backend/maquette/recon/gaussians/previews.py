"""Pictures for people: a photo beside its rendering, with small labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image

from maquette.recon.atomic import replacing

_GAP_PX = 4
_GAP_GREY = 255


def side_by_side(images: Sequence[UInt8[ndarray, "_ _ 3"]], labels: Sequence[str]) -> UInt8[ndarray, "h w 3"]:
    """Pictures (sRGB) in one row with a thin gap, each with its label in the upper left corner.

    All are brought to the height of the first. An empty label draws nothing; letters outside ASCII become ``?``,
    because the font has none. Raises ValueError where the two lists differ in length or are empty.
    """
    if not images or len(images) != len(labels):
        raise ValueError(f"{len(images)} pictures with {len(labels)} labels")
    height = images[0].shape[0]
    gap = np.full((height, _GAP_PX, 3), _GAP_GREY, np.uint8)
    parts: list[UInt8[ndarray, "h _ 3"]] = []
    for image, label in zip(images, labels, strict=True):
        if parts:
            parts.append(gap)
        parts.append(_labelled(_to_height(image, height), label))
    return np.concatenate(parts, axis=1)


def below_each_other(rows: Sequence[UInt8[ndarray, "_ _ 3"]]) -> UInt8[ndarray, "h w 3"]:
    """Rows of pictures as one sheet, narrower ones filled up with the gap's colour at their right."""
    if not rows:
        raise ValueError("a sheet needs a row")
    width = max(row.shape[1] for row in rows)
    parts: list[UInt8[ndarray, "_ w 3"]] = []
    for row in rows:
        if parts:
            parts.append(np.full((_GAP_PX, width, 3), _GAP_GREY, np.uint8))
        parts.append(np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=_GAP_GREY))
    return np.concatenate(parts, axis=0)


def write_picture(pixels: UInt8[ndarray, "h w 3"], path: Path, *, quality: int = 90) -> None:
    """Write sRGB pixels as PNG, JPEG or WebP by ``path``'s suffix, whole or not at all.

    ``quality`` 1 to 100 is for JPEG and WebP. Raises ValueError for another suffix.
    """
    kind = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}.get(path.suffix.lower())
    if kind is None:
        raise ValueError(f"pictures are written as .png, .jpg or .webp, not '{path.suffix}'")
    with replacing(path) as file:
        Image.fromarray(pixels).save(file, kind, quality=quality)


def _to_height(image: UInt8[ndarray, "_ _ 3"], height: int) -> UInt8[ndarray, "{height} _ 3"]:
    if image.shape[0] == height:
        return image
    width = max(1, round(image.shape[1] * height / image.shape[0]))
    shrinks = height < image.shape[0]
    resized: UInt8[ndarray, "h w 3"] = cv2.resize(
        image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    )
    return resized


def _labelled(image: UInt8[ndarray, "h w 3"], label: str) -> UInt8[ndarray, "h w 3"]:
    """A copy with white words on a darkened strip, so that they can be read on any picture."""
    image = image.copy()
    if not label:
        return image
    words = label.encode("ascii", "replace").decode()
    size = max(0.35, min(image.shape[:2]) / 900)
    thickness = max(1, round(size * 1.6))
    (width, height), below = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, size, thickness)
    margin = max(3, height // 2)
    strip = image[: height + below + 2 * margin, : width + 2 * margin]
    strip[:] = strip // 3
    cv2.putText(
        image,
        words,
        (margin, margin + height),
        cv2.FONT_HERSHEY_SIMPLEX,
        size,
        (255, 255, 255),
        thickness,
        cv2.LINE_AA,
    )
    return image

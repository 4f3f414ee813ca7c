"""The verdict on each photo before any heavy work: sharp, well exposed, large enough, not sent twice.

Measuring a photo and judging a set are apart, because photos arrive in several uploads while sharpness and
duplicates only mean something within the whole set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from maquette.recon.images import Photo

Status = Literal["ok", "warning", "rejected"]

SHARPNESS_LONG_SIDE_PX = 1000
"""Sharpness is measured with the long side reduced to this, so that cameras of any resolution compare."""

BLURRED_ABSOLUTE, BLURRED_RELATIVE = 10.0, 0.25
"""Blurred: under the absolute variance, or under this share of the set's median."""

DARK_MEAN, BRIGHT_MEAN, CLIPPED_SHARE = 30.0, 225.0, 0.35
LOW_RESOLUTION_PX = 480
NEAR_DUPLICATE_DIFFERENCE = 2.0
"""Mean absolute difference of two thumbnails (0-255) under which the photos show the same view."""

_THUMBNAIL_PX = 32


@dataclass(frozen=True)
class Measures:
    """What one photo measures. Plain numbers and strings: storable as JSON, see :meth:`as_dict`.

    ``sharpness``: variance of the Laplacian (grey 0-255) with the long side at most 1000 px; ``brightness``: mean
    grey 0-255; ``clipped_share``: share of pixels that are pure black or white; ``pixels_sha256``: of size and
    pixels; ``thumbnail``: 32x32 grey, hexadecimal.
    """

    name: str
    width: int
    height: int
    sharpness: float
    brightness: float
    clipped_share: float
    pixels_sha256: str
    thumbnail: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON; read back with ``Measures(**data)``."""
        return asdict(self)


@dataclass(frozen=True)
class Reason:
    """One finding: a stable code, a sentence, and the one thing to do about it."""

    code: str
    sentence: str
    action: str


@dataclass(frozen=True)
class Verdict:
    """The judgement on one photo. ``rejected`` photos are left out of everything that follows.

    ``duplicate_of`` names the earlier photo with the same pixels; ``placed`` is None until cameras were searched.
    """

    name: str
    status: Status
    reasons: tuple[Reason, ...]
    measures: Measures
    duplicate_of: str | None = None
    placed: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON, without the thumbnail."""
        data = asdict(self)
        del data["measures"]["thumbnail"]
        return data


def measure(photo: Photo) -> Measures:
    """Measure one photo; takes some 10 ms for 1600 px."""
    grey: UInt8[ndarray, "h w"] = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY)
    digest = hashlib.sha256(f"{photo.width}x{photo.height};".encode())
    digest.update(np.ascontiguousarray(photo.pixels).data)
    thumbnail = cv2.resize(grey, (_THUMBNAIL_PX, _THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
    return Measures(
        name=photo.name,
        width=photo.width,
        height=photo.height,
        sharpness=sharpness(grey),
        brightness=round(float(grey.mean()), 2),
        clipped_share=round(float(np.mean((grey <= 1) | (grey >= 254))), 4),
        pixels_sha256=digest.hexdigest(),
        thumbnail=thumbnail.tobytes().hex(),
    )


def sharpness(grey: UInt8[ndarray, "h w"]) -> float:
    """Variance of the Laplacian, with the long side at most 1000 px."""
    scale = SHARPNESS_LONG_SIDE_PX / max(grey.shape)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else grey
    return round(float(cv2.Laplacian(small, cv2.CV_32F).var()), 2)


def is_blurred(sharpness: float, median_sharpness: float) -> bool:
    """Too little detail by itself or beside the others of its set."""
    return sharpness < max(BLURRED_ABSOLUTE, BLURRED_RELATIVE * median_sharpness)


def judge(photos: Sequence[Measures]) -> tuple[Verdict, ...]:
    """One verdict per photo, in the order given; of identical photos the first one stays."""
    if not photos:
        return ()
    median_sharpness = float(np.median([photo.sharpness for photo in photos]))
    nearest = _near_duplicates(photos)
    first_with: dict[str, int] = {}
    verdicts = []
    for index, photo in enumerate(photos):
        first = first_with.setdefault(photo.pixels_sha256, index)
        if first != index:
            original = photos[first].name
            reason = Reason(
                "duplicate",
                f"'{photo.name}' has the same pixels as '{original}'.",
                "Nothing to do: the copy is left out.",
            )
            verdicts.append(Verdict(photo.name, "rejected", (reason,), photo, duplicate_of=original))
            continue
        reasons = _findings(photo, median_sharpness)
        if index in nearest:
            reasons.append(
                Reason(
                    "near_duplicate",
                    f"'{photo.name}' shows almost the same view as '{photos[nearest[index]].name}'.",
                    "Step to the side between photos: a repeated view adds time and no shape.",
                )
            )
        verdicts.append(Verdict(photo.name, "warning" if reasons else "ok", tuple(reasons), photo))
    return tuple(verdicts)


def with_placement(verdict: Verdict, reason: Reason | None) -> Verdict:
    """The verdict after cameras were searched: placed when ``reason`` is None, else why not."""
    if reason is None:
        return replace(verdict, placed=True)
    return replace(
        verdict,
        placed=False,
        status="rejected" if verdict.status == "rejected" else "warning",
        reasons=(*verdict.reasons, reason),
    )


def _findings(photo: Measures, median_sharpness: float) -> list[Reason]:
    reasons = []
    if is_blurred(photo.sharpness, median_sharpness):
        reasons.append(
            Reason(
                "blurred",
                f"'{photo.name}' is blurred (sharpness {photo.sharpness:.0f}; the set's median is "
                f"{median_sharpness:.0f}).",
                "Take it again with a steady hand, more light, and the subject in focus.",
            )
        )
    if photo.brightness < DARK_MEAN or photo.brightness > BRIGHT_MEAN:
        dark = photo.brightness < DARK_MEAN
        reasons.append(
            Reason(
                "underexposed" if dark else "overexposed",
                f"'{photo.name}' is very {'dark' if dark else 'bright'} (mean {photo.brightness:.0f} of 255).",
                "Lock the exposure on the subject and take it again.",
            )
        )
    elif photo.clipped_share > CLIPPED_SHARE:
        reasons.append(
            Reason(
                "clipped",
                f"{photo.clipped_share:.0%} of '{photo.name}' is pure black or white.",
                "Even out the light or lock the exposure; pure black and white carry no detail.",
            )
        )
    if max(photo.width, photo.height) < LOW_RESOLUTION_PX:
        reasons.append(
            Reason(
                "low_resolution",
                f"'{photo.name}' has only {photo.width} x {photo.height} pixels.",
                f"Send the original; {LOW_RESOLUTION_PX} pixels on the long side is the least that works well.",
            )
        )
    return reasons


def _near_duplicates(photos: Sequence[Measures]) -> dict[int, int]:
    """Index of a photo to that of an earlier one with (almost) the same thumbnail."""
    thumbnails: Float[ndarray, "n d"] = np.stack(
        [np.frombuffer(bytes.fromhex(photo.thumbnail), np.uint8) for photo in photos]
    ).astype(np.float32)
    found: dict[int, int] = {}
    for i in range(1, len(photos)):
        differences = np.abs(thumbnails[:i] - thumbnails[i]).mean(axis=1)
        nearest = int(differences.argmin())
        if differences[nearest] < NEAR_DUPLICATE_DIFFERENCE:
            found[i] = nearest
    return found

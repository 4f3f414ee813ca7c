"""Each thing that can be wrong with a lone photo is found, named and told with what to do about it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from tests.recon.single.conftest import photo_of, vase

from maquette.recon.background import Removed
from maquette.recon.single import judge_single


def cut(mask: np.ndarray, confidence: float = 0.9, *, degraded: bool = True) -> Removed:
    return Removed(mask, "grabcut" if degraded else "u2net@1", degraded, confidence)


def codes(verdict: object) -> list[str]:
    return [reason.code for reason in verdict.reasons]  # type: ignore[attr-defined]


def box(left: int, top: int, right: int, bottom: int, height: int = 400, width: int = 320) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    mask[top:bottom, left:right] = 255
    return mask


def test_a_good_photo() -> None:
    pixels, mask = vase()
    verdict = judge_single(photo_of(pixels), cut(mask))
    assert (verdict.status, verdict.reasons) == ("ok", ())
    assert verdict.objects == 1 and verdict.border_share == 0
    assert verdict.object_share == pytest.approx(np.pi * 80 * 133 / (320 * 400), rel=0.03)
    assert verdict.as_dict()["width"] == 320


@pytest.mark.parametrize(
    ("height", "width", "code"),
    [(255, 400, "too_small"), (256, 256, None), (300, 920, "bad_aspect"), (920, 300, "bad_aspect"), (300, 900, None)],
)
def test_its_size_and_shape(height: int, width: int, code: str | None) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    verdict = judge_single(photo_of(pixels))
    assert codes(verdict) == ([] if code is None else [code])
    assert verdict.status == ("ok" if code is None else "rejected")
    assert verdict.object_share is None


def test_sizes_are_those_of_the_original() -> None:
    photo = photo_of(np.random.default_rng(0).integers(0, 255, (400, 300, 3), np.uint8))
    # Reduced on reading: the original's 6000 px do no harm.
    assert judge_single(replace(photo, original_width=4500, original_height=6000)).status == "ok"
    kept = photo_of(np.tile(photo.pixels, (11, 5, 1)))
    assert codes(judge_single(kept)) == ["too_large"]


def test_blur() -> None:
    pixels, mask = vase()
    blurred = cv2.GaussianBlur(pixels, (0, 0), 9)
    verdict = judge_single(photo_of(blurred), cut(mask))
    assert (verdict.status, codes(verdict)) == ("warning", ["blurred"])


@pytest.mark.parametrize(
    ("mask", "code", "status"),
    [
        (box(150, 200, 175, 230), "rejected:object_small", "rejected"),
        (box(120, 160, 180, 230), "object_small", "warning"),
        (box(3, 3, 317, 397), "object_fills_picture", "warning"),
        (box(100, 200, 250, 400), "object_cut_off", "warning"),
        (box(40, 60, 120, 300) | box(200, 60, 280, 300), "several_objects", "warning"),
        (box(40, 60, 200, 300) | box(250, 60, 270, 120), None, "ok"),
    ],
)
def test_its_object(mask: np.ndarray, code: str | None, status: str) -> None:
    verdict = judge_single(photo_of(vase()[0]), cut(mask))
    assert codes(verdict) == ([] if code is None else [code.removeprefix("rejected:")])
    assert verdict.status == status
    assert all(reason.sentence.endswith(".") and reason.action for reason in verdict.reasons)


def test_a_mask_by_colour_that_is_not_sure() -> None:
    pixels, mask = vase()
    assert codes(judge_single(photo_of(pixels), cut(mask, 0.3))) == ["object_uncertain"]
    # A network's confidence is another number.
    assert codes(judge_single(photo_of(pixels), cut(mask, 0.3, degraded=False))) == []

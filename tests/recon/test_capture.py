"""Verdicts: each defect made on purpose is found, and good photos are left in peace."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maquette.recon.capture import Measures, Reason, Verdict, judge, measure, with_placement
from maquette.recon.images import Photo


def textured(seed: int, width: int = 800, height: int = 600) -> np.ndarray:
    generator = np.random.default_rng(seed)
    small = generator.integers(30, 226, (height // 8, width // 8, 3)).astype(np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def photo(name: str, pixels: np.ndarray) -> Photo:
    height, width = pixels.shape[:2]
    return Photo(name, pixels, None, width, height, None, None, "jpeg")


def verdicts(*photos: Photo) -> dict[str, Verdict]:
    return {verdict.name: verdict for verdict in judge([measure(one) for one in photos])}


def codes(verdict: Verdict) -> list[str]:
    return [reason.code for reason in verdict.reasons]


GOOD = [photo(f"good{i}", textured(i)) for i in range(4)]


def test_good_photos_are_ok() -> None:
    found = verdicts(*GOOD)
    assert [verdict.status for verdict in found.values()] == ["ok"] * 4
    assert all(verdict.placed is None for verdict in found.values())


@pytest.mark.parametrize(
    ("name", "pixels", "code"),
    [
        ("blurred", cv2.GaussianBlur(textured(9), (0, 0), 9), "blurred"),
        ("dark", (textured(9) // 12).astype(np.uint8), "underexposed"),
        ("bright", np.clip(textured(9).astype(int) + 170, 0, 255).astype(np.uint8), "overexposed"),
        ("small", textured(9, 320, 240), "low_resolution"),
        ("clipped", np.where(textured(9) > 140, 255, textured(9)).astype(np.uint8) * np.uint8(1), "clipped"),
    ],
)
def test_each_defect_is_found_with_one_action(name: str, pixels: np.ndarray, code: str) -> None:
    if name == "clipped":
        pixels = pixels.copy()
        pixels[: len(pixels) // 2] = 0
    verdict = verdicts(*GOOD, photo(name, pixels))[name]
    assert verdict.status == "warning"
    assert code in codes(verdict)
    reason = next(reason for reason in verdict.reasons if reason.code == code)
    assert reason.action
    assert name in reason.sentence


def test_the_same_photo_twice_is_left_out_once() -> None:
    copy = photo("copy", GOOD[0].pixels.copy())
    found = verdicts(GOOD[0], GOOD[1], copy)
    assert found["copy"].status == "rejected"
    assert found["copy"].duplicate_of == "good0"
    assert codes(found["copy"]) == ["duplicate"]
    assert found["good0"].status == "ok"


def test_the_same_view_saved_again_is_a_near_duplicate() -> None:
    _, packed = cv2.imencode(".jpg", GOOD[0].pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 70])
    again = photo("again", cv2.imdecode(packed, cv2.IMREAD_COLOR)[..., ::-1].copy())
    found = verdicts(*GOOD, again)
    assert codes(found["again"]) == ["near_duplicate"]
    assert "good0" in found["again"].reasons[0].sentence


def test_users_may_send_the_same_name_twice() -> None:
    """Phones count from IMG_0001 again: names tell nothing, pixels do."""
    one, other = photo("IMG_1.jpg", GOOD[0].pixels), photo("IMG_1.jpg", GOOD[1].pixels)
    again = photo("IMG_1.jpg", GOOD[0].pixels.copy())
    statuses = [verdict.status for verdict in judge([measure(one), measure(other), measure(again)])]
    assert statuses == ["ok", "ok", "rejected"]


def test_a_shifted_view_is_not_a_duplicate() -> None:
    moved = photo("moved", np.roll(GOOD[0].pixels, 40, axis=1))
    assert verdicts(GOOD[0], moved)["moved"].status == "ok"


def test_pixels_of_other_shape_are_not_the_same_photo() -> None:
    flat = np.full((100, 200, 3), 120, np.uint8)
    assert measure(photo("a", flat)).pixels_sha256 != measure(photo("b", flat.reshape(200, 100, 3))).pixels_sha256


def test_measures_survive_json() -> None:
    measures = measure(GOOD[0])
    assert Measures(**measures.as_dict()) == measures
    assert "thumbnail" not in judge([measures])[0].as_dict()["measures"]


def test_placement_is_added_after_cameras_were_searched() -> None:
    verdict = judge([measure(GOOD[0])])[0]
    assert with_placement(verdict, None).placed is True
    dropped = with_placement(verdict, Reason("no_matches", "It shares nothing.", "Leave it out."))
    assert (dropped.placed, dropped.status, codes(dropped)) == (False, "warning", ["no_matches"])


def test_no_photos_no_verdicts() -> None:
    assert judge([]) == ()

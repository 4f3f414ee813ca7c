"""What witnesses say about a picture: wrong colours, shifts, blur, invented objects and brightness on a known wall."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tests.recon.multiview.walls import HEIGHT, WIDTH, camera_at, loaded, look, photo_from

from maquette.recon.multiview.evidence import Evidence, best_witnesses, hear, parent_agreement
from maquette.recon.multiview.exposure import exposure_gain
from maquette.recon.multiview.settings import WeightSettings
from maquette.recon.multiview.views import Loaded
from maquette.recon.multiview.weigh import combine

SETTINGS = WeightSettings()
ANCHORS = [(photo_from(camera_at(x)), 1.0) for x in (-0.4, 0.4)]
MIDDLE = (slice(20, HEIGHT - 20), slice(20, WIDTH - 20))
NONE = np.zeros((HEIGHT, WIDTH), np.float32)


def subject(picture: np.ndarray, render: np.ndarray | None = None) -> Loaded:
    """A view from the middle; what the parent showed there is the truth, a little blurred, unless given."""
    truth, depth = look(camera_at())
    if render is None:
        render = blurred(truth, 0.7)
    gain = exposure_gain(picture, (render / np.float32(255)).astype(np.float32), limit=SETTINGS.exposure_limit)
    return loaded(camera_at(), picture, depth, render, gain)


def blurred(picture: np.ndarray, sigma_px: float) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(plane, (0, 0), sigma_px) for plane in picture])


def truth() -> np.ndarray:
    return look(camera_at())[0]


def heard(picture: np.ndarray, **arguments: np.ndarray) -> Evidence:
    return hear(subject(picture, **arguments), ANCHORS, SETTINGS)


def test_the_truth_is_confirmed() -> None:
    said = heard(truth())
    assert said.visibility[MIDDLE].min() > 0.9
    assert said.agreement[MIDDLE].min() > 0.9


@pytest.mark.parametrize("gain", [0.8, 1.2])
def test_another_exposure_is_tolerated(gain: float) -> None:
    picture = np.rint(truth() * gain).clip(0, 255).astype(np.uint8)
    assert heard(picture).agreement[MIDDLE].mean() > 0.85


def test_wrong_colours_are_contradicted() -> None:
    said = heard(np.ascontiguousarray(truth()[[2, 0, 1]]))
    assert said.agreement[MIDDLE].mean() < 0.25
    assert said.visibility[MIDDLE].mean() > 0.8, "seen, and found wrong"


def test_shifted_content_is_contradicted() -> None:
    said = heard(np.roll(truth(), 6, axis=2))
    assert said.agreement[MIDDLE].mean() < 0.25


def test_blur_is_contradicted_and_the_parents_own_blur_is_not() -> None:
    assert heard(blurred(truth(), 5.0)).agreement[MIDDLE].mean() < 0.3
    as_before = blurred(truth(), 0.7)
    assert heard(as_before, render=as_before).agreement[MIDDLE].mean() > 0.9


def test_an_error_of_the_parent_is_no_contradiction() -> None:
    """The parent shows a grey spot; the picture shows there what the anchors see. That is what refining is for."""
    spoiled = truth()
    spoiled[:, MIDDLE[0], MIDDLE[1]] = 90
    assert heard(truth(), render=spoiled).agreement[MIDDLE].min() > 0.9


def test_an_invented_object_is_rejected_though_other_invented_views_show_it_too() -> None:
    picture = truth()
    picture[:, 30:42, 40:56] = [[[250]], [[20]], [[20]]]
    inside = (slice(33, 39), slice(43, 53))
    accomplices = [(loaded(camera_at(), picture, look(camera_at())[1], truth()), 1.0) for _ in range(2)]
    by_anchors = heard(picture)
    by_others = hear(subject(picture), accomplices, SETTINGS)
    assert by_others.agreement[inside].min() > 0.9, "they agree among themselves"
    weights = combine(by_anchors, by_others, np.ones_like(NONE), SETTINGS)
    assert weights[inside].max() < 0.02
    assert weights[MIDDLE][:5].min() > 0.9, "the rest of the picture counts"


def test_a_glimpse_of_an_anchor_is_enough_for_a_veto() -> None:
    glimpse = Evidence(NONE + np.float32(0.1), NONE)
    certain = Evidence(NONE + 1, NONE + 1)
    assert combine(glimpse, certain, NONE + 1, SETTINGS).max() == 0
    agreeing = Evidence(NONE + np.float32(0.1), NONE + 1)
    assert combine(agreeing, certain, NONE + 1, SETTINGS).min() > SETTINGS.invented


def test_ranks_where_no_anchor_sees() -> None:
    unseen, certain = Evidence(NONE, NONE), Evidence(NONE + 1, NONE + 1)
    alone = combine(unseen, unseen, NONE + 1, SETTINGS)
    np.testing.assert_allclose(alone, SETTINGS.unconfirmed, rtol=1e-6)
    np.testing.assert_allclose(combine(unseen, certain, NONE, SETTINGS), SETTINGS.invented, rtol=1e-6)
    assert combine(unseen, Evidence(NONE + 1, NONE), NONE + 1, SETTINGS).max() == 0
    np.testing.assert_allclose(combine(certain, unseen, NONE, SETTINGS), 1, rtol=1e-6)
    other = WeightSettings(unconfirmed=0.05)
    np.testing.assert_allclose(combine(unseen, unseen, NONE + 1, other), 0.05, rtol=1e-6)


def test_where_nobody_sees_the_parent_is_asked() -> None:
    same, other = truth(), truth()
    other[:, :, WIDTH // 2 :] = 255 - other[:, :, WIDTH // 2 :]
    agreement = parent_agreement(subject(other, render=same), SETTINGS)
    assert agreement[:, : WIDTH // 2].min() > 0.9
    assert agreement[:, WIDTH // 2 :].mean() < 0.5


def test_an_untrusted_witness_says_less() -> None:
    whole = hear(subject(truth()), ANCHORS, SETTINGS).visibility[MIDDLE]
    half = hear(subject(truth()), [(one, 0.5) for one, _ in ANCHORS], SETTINGS).visibility[MIDDLE]
    assert (half < whole).all()
    assert not hear(subject(truth()), [], SETTINGS).visibility.any()


def test_witnesses_are_those_that_see_most_together() -> None:
    own = camera_at()
    _, depth = look(own)
    cameras = [
        camera_at(yaw=np.pi),
        camera_at(1.6),
        camera_at(0.1),
        camera_at(0.2),
        camera_at(-1.6),
        camera_at(0, 0, 9),
    ]
    assert best_witnesses(own, depth, cameras, SETTINGS)[0] == 2
    assert set(best_witnesses(own, depth, cameras, SETTINGS)) == {1, 2, 3, 4}, "who sees nothing is not asked"
    few = best_witnesses(own, depth, cameras, WeightSettings(witnesses=2))
    assert len(few) == 2
    assert best_witnesses(own, depth, [], SETTINGS) == ()
    assert best_witnesses(own, np.zeros_like(depth), cameras, SETTINGS) == ()

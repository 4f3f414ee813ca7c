"""Losses as medians over intervals, and going on with them."""

from __future__ import annotations

from maquette.recon.loss_curve import MOST_POINTS, LossCurve, definition
from maquette.recon.train_settings import TrainSettings


def test_medians_over_passes_of_all_photos() -> None:
    curve = LossCurve.of(iterations=25, photos=10)
    for iteration in range(1, 26):
        # One photo is far worse than the others: a mean would follow it.
        curve.add(iteration, 100.0 if iteration % 10 == 3 else 1.0 / iteration)
    curve.close()
    assert curve.every == 10 and curve.iterations == [10, 20, 25]
    assert [round(loss, 4) for loss in curve.losses] == [0.1833, 0.0646, 0.0455]
    assert curve.losses == sorted(curve.losses, reverse=True)


def test_a_long_training_has_no_more_points_than_can_be_seen() -> None:
    curve = LossCurve.of(iterations=30_001, photos=3)
    for iteration in range(1, 30_002):
        curve.add(iteration, 1.0)
    curve.close()
    assert len(curve.losses) <= MOST_POINTS and curve.iterations[-1] == 30_001


def test_going_on_gives_what_was_never_stopped() -> None:
    whole = LossCurve.of(iterations=30, photos=5)
    stopped = LossCurve.of(iterations=30, photos=5)
    for iteration in range(1, 31):
        whole.add(iteration, 1.0 / iteration)
    for iteration in range(1, 18):
        stopped.add(iteration, 1.0 / iteration)
    resumed = LossCurve.from_dict(stopped.as_dict())
    resumed.go_on_from(10)
    assert resumed.iterations == [5, 10]
    for iteration in range(11, 31):
        resumed.add(iteration, 1.0 / iteration)
    assert resumed.as_dict() == whole.as_dict()


def test_the_definition_names_what_is_in_it() -> None:
    plain = definition(TrainSettings(ssim_weight=0.2, coarse_levels=0), with_depth=False)
    assert "0.8 × L1 + 0.2 × (1 − SSIM)" in plain and "depth" not in plain and "smaller" not in plain
    told = definition(TrainSettings(ssim_weight=0.2, depth_weight=0.5), with_depth=True)
    assert "0.5" in told and "depth" in told and "smaller at first" in told
    assert "depth" not in definition(TrainSettings(depth_weight=0.5), with_depth=False)

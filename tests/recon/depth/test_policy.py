"""Priors are used where they were measured to help, and nowhere else."""

from __future__ import annotations

import pytest

from maquette.recon.depth.policy import prior_weight
from maquette.recon.train_settings import TrainSettings


@pytest.mark.parametrize(
    ("photos", "network", "used"), [(3, True, True), (3, False, True), (17, True, False), (50, False, False)]
)
def test_few_photos_get_priors_and_many_do_not(photos: int, network: bool, used: bool) -> None:
    weight = prior_weight(photos, network=network)
    assert (weight > 0) is used
    TrainSettings(depth_weight=weight).checked()

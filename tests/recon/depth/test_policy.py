"""Priors are used where they were measured to help, and nowhere else."""

from __future__ import annotations

import pytest

from maquette.recon.depth.policy import wants_priors


@pytest.mark.parametrize(
    ("photos", "network", "used"),
    [(3, True, True), (16, True, True), (17, True, False), (4, False, True), (5, False, False), (50, False, False)],
)
def test_few_photos_get_priors_and_many_do_not(photos: int, network: bool, used: bool) -> None:
    assert wants_priors(photos, network=network) is used

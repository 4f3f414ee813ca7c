"""Whole journeys of real small steps under faults that come at moments over the whole life of each run."""

from __future__ import annotations

import pytest
from tests.faults.conftest import SEED
from tests.faults.life import Planned, live, plan_lives
from tests.faults.site import Site

# As many as it takes for each fault to come once.
LIVES = plan_lives(SEED, 3)


@pytest.mark.parametrize("plan", LIVES, ids=lambda plan: f"life{LIVES.index(plan)}")
def test_a_life_under_faults_loses_nothing(site: Site, photos: list[bytes], plan: list[Planned]) -> None:
    live(site, photos, plan)

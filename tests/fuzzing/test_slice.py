"""A small part of what tools/fuzz.py does, the same cases each time: every reader reads or refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzzing.runs import run_here
from tests.fuzzing.targets import TARGETS, Target

CASES = 30

# What numpy remarks about odd numbers is no finding: the server does not stop for a warning.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("target", [one for one in TARGETS if not one.slow], ids=lambda one: one.name)
def test_spoilt_files_are_read_or_refused(target: Target, tmp_path: Path) -> None:
    figures = run_here(target, seed=2026, first=0, count=CASES, seconds=60, keep=None)
    assert figures.cases == CASES
    assert not figures.findings
    assert figures.read, "the sound files are read"


def test_each_reader_has_a_name_of_its_own() -> None:
    names = [one.name for one in TARGETS]
    assert len(set(names)) == len(names) >= 35

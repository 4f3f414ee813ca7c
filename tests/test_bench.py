"""Benchmarks are run seldom, so what they use is looked after here."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"


@pytest.mark.parametrize("name", sorted(path.stem for path in BENCH.glob("[a-z]*.py")))
def test_a_benchmark_finds_what_it_uses(name: str) -> None:
    importlib.import_module(f"bench.{name}")

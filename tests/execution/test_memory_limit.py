"""How much memory a step may use by the machine, its control group and the setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from maquette.execution import memory_limit
from maquette.execution.memory_limit import machine_bytes, step_memory_mb
from maquette.recon.control_groups import group_limit, memory_limit_bytes


def test_the_setting_is_the_limit() -> None:
    assert step_memory_mb(1234, at_once=7) == 1234


def test_the_default_is_a_share_of_the_machine_for_each_step_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_limit, "machine_bytes", lambda: 16 * 10**9)
    assert step_memory_mb(0, at_once=1) == 12_000
    assert step_memory_mb(0, at_once=4) == 3_000
    assert step_memory_mb(0, at_once=64) == 1_000, "less would be enough for nothing"


def test_a_machine_smaller_than_the_least_gives_all_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_limit, "machine_bytes", lambda: 700 * 10**6)
    assert step_memory_mb(0, at_once=1) == 700


def test_without_a_word_from_the_machine_there_is_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_limit, "machine_bytes", lambda: None)
    assert step_memory_mb(0, at_once=1) == 0


def test_a_control_group_counts_where_it_allows_less(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = machine_bytes()
    assert machine is not None and machine > 2**28
    monkeypatch.setattr(memory_limit, "memory_limit_bytes", lambda: 2**28)
    assert machine_bytes() == 2**28
    monkeypatch.setattr(memory_limit, "memory_limit_bytes", lambda: 2**62)
    physical = machine_bytes()
    assert physical is not None and machine <= physical < 2**50


def test_a_group_says_what_it_allows(tmp_path: Path) -> None:
    assert group_limit(tmp_path, "memory.max") is None
    (tmp_path / "memory.max").write_text("max\n")
    assert group_limit(tmp_path, "memory.max") is None
    (tmp_path / "memory.max").write_text("4096\n")
    assert group_limit(tmp_path, "memory.max") == 4096
    limit = memory_limit_bytes()
    assert limit is None or limit > 0

"""What the lock files hold: exact versions, and no address of any registry."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sorted(ROOT.glob("requirements*.lock"))
NODE = [ROOT / folder / "package-lock.json" for folder in ("tests/supabase/js",)]


def test_there_are_locks():
    assert PYTHON and NODE


@pytest.mark.parametrize("lock", [*PYTHON, *NODE], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_lock_holds_an_address(lock):
    assert "://" not in lock.read_text()


@pytest.mark.parametrize("lock", NODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_node_package_is_pinned_by_its_hash(lock):
    packages = json.loads(lock.read_text())["packages"]
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []

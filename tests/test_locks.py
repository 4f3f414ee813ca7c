"""What the lock files hold: exact versions, and no address of any registry."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sorted(ROOT.glob("requirements*.lock"))
NODE = [ROOT / folder / "package-lock.json" for folder in ("tests/supabase/js", "tests/recon/formats/js")]


def test_there_are_locks():
    assert PYTHON and NODE


@pytest.mark.parametrize("extra", ["", "embedded", "dev"])
def test_what_is_asked_for_is_locked(extra):
    """Else a machine that has a package by accident tests what a fresh one does not even install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = project["dependencies"] if not extra else project["optional-dependencies"].get(extra, [])
    locked = {line.partition("==")[0] for lock in PYTHON for line in lock.read_text().splitlines()}
    names = {re.match(r"[A-Za-z0-9._-]+", one)[0] for one in asked}
    assert {_normal(name) for name in names} - {_normal(name) for name in locked} <= {"maquette"}


def _normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("lock", [*PYTHON, *NODE], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_lock_holds_an_address(lock):
    assert "://" not in lock.read_text()


@pytest.mark.parametrize("lock", NODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_node_package_is_pinned_by_its_hash(lock):
    packages = json.loads(lock.read_text())["packages"]
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []

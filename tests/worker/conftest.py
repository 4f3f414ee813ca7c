"""A project on the real embedded stack, and a tiny scene with true cameras."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.execution.house import House, house_of

from maquette.recon.scenes.saved import save_scene
from maquette.recon.synthetic import make_capture
from maquette.settings import Connections


@pytest.fixture(scope="session")
def saved_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight views of 160 x 120 px, named as the project names its photos, saved; never changed by a test."""
    photos = tmp_path_factory.mktemp("capture")
    capture = make_capture(photos, views=8, width=160, height=120)
    scene = capture.scene(600)
    views = tuple(replace(view, name=f"{index:04d}.jpg") for index, view in enumerate(scene.views))
    scene = replace(scene, views=views)
    folder = tmp_path_factory.mktemp("scene")
    save_scene(scene, folder)
    return folder


@pytest.fixture
def folder(saved_scene: Path, tmp_path: Path) -> Path:
    """A step's folder with the scene in place."""
    shutil.copytree(saved_scene, tmp_path / "work" / "sfm" / "scene")
    return tmp_path / "work"


@pytest.fixture
async def house(storage: Connections, tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(storage, tmp_path / "home") as house:
        yield house

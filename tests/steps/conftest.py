"""A step's folder with a tiny scene in place, and a sink that remembers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from maquette.recon.scenes.saved import save_scene
from maquette.recon.synthetic import make_capture
from maquette.steps.folder import Folder, write_json
from maquette.steps.records import Model, Preview, Record, Warn


class StoppedError(Exception):
    """What a test stops a step with, as a kill would."""


@dataclass
class Recorder:
    """A sink: remembers everything, and may stop the step where ``stop`` says so."""

    stop: Callable[[str, str], bool] = lambda stage, message: False
    records: list[Record] = field(default_factory=list)
    warnings: list[Warn] = field(default_factory=list)
    previews: list[Preview] = field(default_factory=list)
    progressed: list[tuple[str, float, str]] = field(default_factory=list)

    def progress(self, stage: str, fraction: float, message: str = "") -> None:
        self.progressed.append((stage, fraction, message))
        if self.stop(stage, message):
            raise StoppedError

    def keep(self, record: Record) -> None:
        self.records.append(record)

    def show(self, preview: Preview) -> None:
        self.previews.append(preview)

    def warn(self, warning: Warn) -> None:
        self.warnings.append(warning)

    @property
    def models(self) -> list[Model]:
        return [record for record in self.records if isinstance(record, Model)]

    def iterations(self) -> list[int]:
        """Numbers of the training iterations that were reported."""
        told = [message.rpartition("iteration ")[2] for _, _, message in self.progressed if "iteration " in message]
        return [int(one.partition("/")[0]) for one in told]


@pytest.fixture(scope="session")
def scene_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten views of 160 x 120 px with true cameras, saved under the names of processed photos."""
    capture = make_capture(tmp_path_factory.mktemp("capture"), views=10, width=160, height=120)
    scene = capture.scene(800)
    views = tuple(replace(view, name=f"{index:04d}.jpg") for index, view in enumerate(scene.views))
    folder = tmp_path_factory.mktemp("scene")
    save_scene(replace(scene, views=views), folder)
    return folder


@pytest.fixture
def folder(scene_folder: Path, tmp_path: Path) -> Folder:
    """Cameras are kept already, so generate begins with training."""
    folder = Folder(tmp_path / "run")
    shutil.copytree(scene_folder, folder.scene)
    shutil.copytree(scene_folder / "images", folder.images)
    write_json(folder.root / "project.json", {"views_kept": True})
    return folder


@pytest.fixture(scope="session")
def generated_folder(scene_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder in which generate has ended, and its result; never changed by a test."""
    from maquette.steps import STEPS

    folder = Folder(tmp_path_factory.mktemp("generated") / "run")
    shutil.copytree(scene_folder, folder.scene)
    shutil.copytree(scene_folder / "images", folder.images)
    write_json(folder.root / "project.json", {"views_kept": True})
    return folder.root, STEPS["generate"].run(folder.root, GENERATE, Recorder())


@pytest.fixture
def generated(generated_folder: tuple[Path, dict[str, Any]], tmp_path: Path) -> Folder:
    """A copy of it, to refine and export."""
    shutil.copytree(generated_folder[0], tmp_path / "run")
    return Folder(tmp_path / "run")


GENERATE = {"preset": "fastest", "iterations": 60, "long_side": 120, "max_gaussians": 600, "seed": 3}

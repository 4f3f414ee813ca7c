"""What a step loads before it begins: its process is started for every call."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numba", "scipy.optimize", "pycolmap", "torch", "onnxruntime")


@pytest.mark.parametrize("module", ["maquette.execution.child", "maquette.steps", "maquette.steps.upload"])
def test_neither_the_solver_nor_the_trainer_nor_ffmpeg_is_loaded_for_an_upload(module: str) -> None:
    found = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert module in found.stdout.split()
    assert not {*HEAVY, "av"} & set(found.stdout.split())


@pytest.mark.parametrize("step", ["generate", "refine", "export"])
def test_what_few_runs_need_is_loaded_by_those(step: str) -> None:
    """Each was most of the seconds that a process takes to begin."""
    module = f"maquette.steps.{step}"
    found = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    rare = {"scipy.stats", "scipy.optimize", "skimage", "av", "torch", "onnxruntime", "pycolmap"}
    assert not rare & set(found.stdout.split())

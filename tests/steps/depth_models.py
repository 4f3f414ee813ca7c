"""Tiny depth networks in a models folder, as `maquette models pull` or a user leaves them there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import helper
from tests.recon.depth.networks import save

from maquette.steps.folder import Folder

NAME = "depth-anything-v2-small"
SIDE = 112


def install(folder: Folder, models: Path, file: bytes | Path, *, allow: bool = True, name: str = NAME) -> Path:
    """Put a network into ``models`` and tell the folder of it."""
    path = models / name / "onnx" / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file if isinstance(file, bytes) else file.read_bytes())
    folder.describe_machine(models, allow_noncommercial=allow, trust_code=())
    return path


def ramp(path: Path, *, near_below: bool = True, planes: int = 1) -> Path:
    """Says of every photo that what is lower in it is nearer, as ground is that one looks down at, or the opposite.

    With more than one of ``planes`` it answers so many pictures, which is no depth.
    """
    rows = np.linspace(0.0, 1.0 if near_below else -1.0, SIDE, dtype=np.float32)
    constants = {
        "weights": np.zeros((planes, 3, 1, 1), np.float32),
        "ramp": np.broadcast_to(rows[:, None], (1, planes, SIDE, SIDE)).copy(),
    }
    nodes = [
        helper.make_node("Conv", ["photo", "weights"], ["nothing"]),
        helper.make_node("Add", ["nothing", "ramp"], ["depth"]),
    ]
    return save(path, nodes, given=[1, 3, SIDE, SIDE], constants=constants, answers=("a", "b", "c", "d"))

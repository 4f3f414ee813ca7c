"""The lenses that photos were taken through, kept beside the undistorted scene: one more photo is undistorted alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from maquette.recon.atomic import replacing

LENSES_FILE = "lenses.json"


@dataclass(frozen=True)
class Lens:
    """A camera as structure-from-motion found it, distortion included: COLMAP's model and parameters, in pixels of a
    photo of this size.
    """

    model: str
    width: int
    height: int
    params: tuple[float, ...]


def lens_from_dict(told: Mapping[str, Any]) -> Lens:
    """Read what JSON made of one."""
    size = int(told["width"]), int(told["height"])
    return Lens(str(told["model"]), *size, tuple(float(value) for value in told["params"]))


def save_lenses(lenses: Mapping[str, Lens], folder: Path) -> None:
    """Write the lens of each photo, by name."""
    with replacing(folder / LENSES_FILE) as file:
        file.write(json.dumps({name: asdict(lens) for name, lens in lenses.items()}, indent=1).encode())


def load_lenses(folder: Path) -> dict[str, Lens]:
    """By photo's name; empty where a scene was made without keeping them."""
    path = folder / LENSES_FILE
    if not path.is_file():
        return {}
    return {name: lens_from_dict(told) for name, told in json.loads(path.read_text()).items()}

"""Which views a multi-view diffusion model makes, how it wants to be asked, and how its answer is cut up.

Zero123++ v1.2 is written down here. Any other diffusers pipeline from one picture to several is described by a
``views.json`` in its folder: the small adapter of :func:`described`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.single.errors import ViewModelFilesError, ViewsFailedError
from maquette.recon.single.rings import ring_camera
from maquette.recon.weights import LocalModel

DESCRIPTION = "views.json"
HALF_EXTENT = 1.07
"""Half of what a made view shows at the object's middle, world units: the object has about a radius of 1."""


@dataclass(frozen=True)
class ViewModel:
    """The views of one model.

    ``azimuths_deg`` counted from the input view to its right; ``elevations_deg`` above the horizon (not above the
    input view); ``fov_deg`` of the square views of ``view_px``. ``grid``: rows and columns of the one picture that
    holds them, read line by line; None: the pipeline answers one picture each. ``input_px`` and ``level``: the square
    and the grey that the object is shown on; ``margin`` around it, of the square's side. ``arguments`` go to the
    pipeline as they are.
    """

    azimuths_deg: tuple[float, ...]
    elevations_deg: tuple[float, ...]
    fov_deg: float
    view_px: int
    grid: tuple[int, int] | None
    input_px: int = 512
    level: int = 255
    margin: float = 0.1
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def cameras(self) -> tuple[Camera, ...]:
        """One a view, around the origin."""
        distance = HALF_EXTENT / np.tan(np.radians(self.fov_deg) / 2)
        return tuple(
            ring_camera(azimuth, elevation, float(distance), self.fov_deg, self.view_px, self.view_px)
            for azimuth, elevation in zip(self.azimuths_deg, self.elevations_deg, strict=True)
        )

    def cut(self, name: str, images: Any) -> list[UInt8[ndarray, "s s 3"]]:
        """The views in the order of their cameras, of what the pipeline ``name`` answered (values 0 to 1).

        Raises :class:`ViewsFailedError` where their number or size is another, or a value is undefined.
        """
        rows, columns = self.grid or (1, 1)
        wanted_count = 1 if self.grid else len(self.azimuths_deg)
        if len(images) != wanted_count:
            raise ViewsFailedError(name, f"it answered {len(images)} pictures instead of {wanted_count}")
        wanted = (rows * self.view_px, columns * self.view_px, 3)
        views = []
        for image in images:
            picture: Float32[ndarray, "a b c"] = np.asarray(image, np.float32)
            if picture.shape != wanted:
                sizes = ("x".join(map(str, shape)) for shape in (picture.shape, wanted))
                raise ViewsFailedError(name, "it answered {} instead of {}".format(*sizes))
            if not np.isfinite(picture).all():
                raise ViewsFailedError(name, "it answered undefined values")
            levels = np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)
            for row in range(rows):
                for column in range(columns):
                    top, left = row * self.view_px, column * self.view_px
                    views.append(np.ascontiguousarray(levels[top : top + self.view_px, left : left + self.view_px]))
        return views


ZERO123PLUS = "zero123plus"

KNOWN: Mapping[str, ViewModel] = {
    # Shi et al. 2023. v1.2 made the elevations absolute and fixed the field of view; grey is the zero of its decoder.
    ZERO123PLUS: ViewModel(
        azimuths_deg=(30.0, 90.0, 150.0, 210.0, 270.0, 330.0),
        elevations_deg=(20.0, -10.0, 20.0, -10.0, 20.0, -10.0),
        fov_deg=30.0,
        view_px=320,
        grid=(3, 2),
        level=127,
        arguments={"width": 640, "height": 960, "num_inference_steps": 36, "guidance_scale": 4.0},
    ),
}


def described(model: LocalModel) -> ViewModel:
    """What a model makes: written down here by its name, else in the ``views.json`` of its folder.

    Its keys are the fields of :class:`ViewModel`, ``grid`` and those with defaults optional. Raises
    :class:`ViewModelFilesError`.
    """
    if model.name in KNOWN:
        return KNOWN[model.name]
    try:
        told = json.loads((model.folder / DESCRIPTION).read_text())
        grid = told.pop("grid", None)
        kinds: dict[str, Callable[[Any], Any]] = {
            "fov_deg": float,
            "view_px": int,
            "input_px": int,
            "level": int,
            "margin": float,
            "arguments": dict,
        }
        found = ViewModel(
            azimuths_deg=tuple(float(angle) for angle in told.pop("azimuths_deg")),
            elevations_deg=tuple(float(angle) for angle in told.pop("elevations_deg")),
            grid=None if grid is None else (int(grid[0]), int(grid[1])),
            **{key: kinds[key](value) for key, value in told.items()},
        )
    except FileNotFoundError:
        raise ViewModelFilesError(model.name, f"its folder has no {DESCRIPTION}") from None
    except (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise ViewModelFilesError(model.name, f"its {DESCRIPTION} cannot be read ({type(error).__name__})") from error
    _check(model.name, found)
    return found


def _check(name: str, found: ViewModel) -> None:
    count = len(found.azimuths_deg)
    problems = (
        (count < 1 or count != len(found.elevations_deg), "azimuths and elevations differ in number"),
        (found.grid is not None and found.grid[0] * found.grid[1] != count, "its grid has another number of views"),
        (not 16 <= found.view_px <= 4096 or not 16 <= found.input_px <= 4096, "a size is not 16 to 4096 px"),
        (not 1 <= found.fov_deg <= 120, "its field of view is not 1 to 120 degrees"),
        (not 0 <= found.margin <= 0.4 or not 0 <= found.level <= 255, "its margin or grey is out of bounds"),
        (any(not -89 <= angle <= 89 for angle in found.elevations_deg), "an elevation is not -89 to 89 degrees"),
    )
    for wrong, words in problems:
        if wrong:
            raise ViewModelFilesError(name, words)

"""The rasterisers there are, by name; another is a module with a function ``rasterize`` and a line in ``BACKENDS``.

A backend is imported when it is asked for, so that nothing it needs is needed without it.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from maquette.errors import BadInputError, UnavailableError
from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize.rendering import OUTPUTS, PICTURES, Output, Rendering

BACKENDS = {
    "cpu": "maquette.recon.rasterize.cpu",
    "cuda": "maquette.recon.cuda.rendering",
}
"""Module of each backend."""
EXTRAS = {"cuda": "cuda"}
"""The extra of the distribution that brings what a backend needs, where the default install does not."""

NEAR = 0.01
"""Default near plane: Gaussians whose centre is nearer to the camera plane are left out, world units."""
FAR = float("inf")
"""Default far plane, world units: none."""


class UnknownBackendError(BadInputError):
    """No rasteriser has this name."""

    code = "unknown_backend"


class BackendMissingError(UnavailableError):
    """A package that a backend needs is not installed. What else it lacks (a device, a compiler) it says itself."""

    code = "backend_missing"


class BadViewError(BadInputError):
    """The camera, the planes, the background or the outputs asked for make no picture."""

    code = "bad_view"


@runtime_checkable
class Rasterizer(Protocol):
    """What a backend's module offers under the name ``rasterize``. Its arguments have been checked."""

    def __call__(
        self,
        gaussians: Gaussians,
        camera: Camera,
        *,
        background: tuple[float, float, float],
        sh_degree: int,
        near: float,
        far: float,
        outputs: Collection[Output],
    ) -> Rendering: ...


def rasterizer(backend: str) -> Rasterizer:
    """The backend of this name. Raises ``unknown_backend`` or, where a package is absent, ``backend_missing``."""
    if backend not in BACKENDS:
        raise UnknownBackendError(
            f"There is no rasteriser called {backend!r}.", suggestion=f"Choose one of {', '.join(BACKENDS)}."
        )
    try:
        found: Rasterizer = import_module(BACKENDS[backend]).rasterize
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(backend)
        if extra is None:
            raise
        raise BackendMissingError(
            f"The rasteriser {backend!r} needs {error.name}, which is not installed.",
            suggestion=f"Install the extra: pip install 'maquette[{extra}]'; or use the backend 'cpu'.",
            backend=backend,
        ) from error
    return found


def rasterize(
    gaussians: Gaussians,
    camera: Camera,
    *,
    background: tuple[float, float, float] = (0.0, 0.0, 0.0),
    sh_degree: int | None = None,
    near: float = NEAR,
    far: float = FAR,
    backend: str = "cpu",
    outputs: Collection[Output] = PICTURES,
) -> Rendering:
    """Render ``gaussians`` from ``camera``, any pinhole, at its size (Kerbl et al. 2023, equation 3).

    ``background`` is sRGB 0 to 1; ``sh_degree`` limits the harmonics used (none: all that are stored); Gaussians
    count whose centre lies between ``near`` and ``far``, world units along z. Only ``outputs`` are computed. Raises
    ``bad_view``, ``unknown_backend``, ``backend_missing`` or what the backend itself misses before it renders.
    """
    check_view(camera, background, near, far)
    unknown = [name for name in outputs if name not in OUTPUTS]
    if unknown or not outputs:
        raise BadViewError(
            f"{', '.join(unknown) or 'Nothing'} is no output of a rasteriser.",
            suggestion=f"Ask for some of {', '.join(OUTPUTS)}.",
        )
    degree = gaussians.sh_degree if sh_degree is None else max(0, min(sh_degree, gaussians.sh_degree))
    return rasterizer(backend)(
        gaussians, camera, background=background, sh_degree=degree, near=near, far=far, outputs=outputs
    )


def check_view(camera: Camera, background: tuple[float, float, float], near: float, far: float) -> None:
    """Raise :class:`BadViewError` where no picture can come out."""
    pose: Float[np.ndarray, "4 4"] = camera.camera_from_world
    problem = ""
    if camera.width < 1 or camera.height < 1:
        problem = f"The picture is {camera.width} x {camera.height} pixels."
    elif not (0 < camera.fx < np.inf and 0 < camera.fy < np.inf and np.isfinite([camera.cx, camera.cy]).all()):
        problem = "The camera's focal lengths are not positive or its principal point is not finite."
    elif not np.isfinite(pose).all():
        problem = "The camera's pose holds numbers that are not finite."
    elif not 0 <= near < far:
        problem = f"The near plane {near:g} and the far plane {far:g} leave no room between them."
    elif not np.isfinite(background).all():
        problem = "The background is not a finite colour."
    if problem:
        raise BadViewError(problem, suggestion="Check the camera and the planes before rendering.")

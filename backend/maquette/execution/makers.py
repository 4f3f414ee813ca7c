"""Versions of everything that decides what a step makes: they are recorded with its run and part of its input hash."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

from maquette import __version__

LIBRARIES: dict[str, tuple[str, ...]] = {
    "upload": ("pillow", "pillow-heif", "numpy"),
    "generate": ("pycolmap", "numba", "numpy", "opencv-python-headless", "scipy"),
    "refine": ("pycolmap", "numba", "numpy", "opencv-python-headless", "scipy"),
    "export": ("numpy", "numba", "scikit-image", "trimesh", "fast-simplification", "xatlas"),
}
"""By step, the distributions whose results a step's own depend on. Read from metadata: none of them is imported."""

BUILT_FOR_CUDA = {"pycolmap": "pycolmap-cuda12"}
"""What the extra `[cuda]` installs in the place of a distribution."""


@cache
def makers(step: str) -> dict[str, str]:
    """``maquette`` and the libraries behind a step, each with the version installed on this machine."""
    return {"maquette": __version__, **{name: _installed(name) for name in LIBRARIES[step]}}


def _installed(name: str) -> str:
    """The version of a distribution, or of the one that brings the same module built for a GPU in its place."""
    instead = BUILT_FOR_CUDA.get(name)
    if instead is not None:
        try:
            return f"{version(instead)}+cuda"
        except PackageNotFoundError:
            pass
    return version(name)

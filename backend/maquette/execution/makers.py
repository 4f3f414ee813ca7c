"""Versions of everything that decides what a step makes: they are recorded with its run and part of its input hash."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version

from maquette import __version__

LIBRARIES: dict[str, tuple[str, ...]] = {
    "upload": ("pillow", "pillow-heif", "numpy"),
    "generate": ("pycolmap", "numba", "numpy", "opencv-python-headless", "scikit-learn"),
    "refine": ("pycolmap", "numba", "numpy", "opencv-python-headless", "scikit-learn"),
    "export": ("numpy",),
}
"""By step, the distributions whose results a step's own depend on. Read from metadata: none of them is imported."""


@cache
def makers(step: str) -> dict[str, str]:
    """``maquette`` and the libraries behind a step, each with the version installed on this machine."""
    return {"maquette": __version__, **{name: version(name) for name in LIBRARIES[step]}}

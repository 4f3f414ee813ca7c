"""Spherical harmonics turned with the world: what shone to the north shines to where north was turned to."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from maquette.recon.rasterize.harmonics import C0, C1, C2A, C2B, C2C, C3A, C3B, C3C, C3D, C3E

_DIRECTIONS = 64
"""Where the harmonics are compared: many more than the seven of degree 3, so that the equations are well posed."""
_ROWS = 65_536


def rotated(sh: Float32[ndarray, "n k 3"], rotation: Float[ndarray, "3 3"]) -> Float32[ndarray, "n k 3"]:
    """Coefficients (order and signs of 3DGS files) of the same light after the world was turned by ``rotation``."""
    matrix = rotation_of_harmonics(rotation, int(np.sqrt(sh.shape[1])) - 1).astype(np.float32)
    turned = np.empty_like(sh)
    for start in range(0, len(sh), _ROWS):
        rows = slice(start, start + _ROWS)
        turned[rows] = np.matmul(matrix, sh[rows])
    return turned


def rotation_of_harmonics(rotation: Float[ndarray, "3 3"], degree: int) -> Float[ndarray, "k k"]:
    """The matrix ``D`` of ``c' = D c``, one block for each degree.

    The harmonics of one degree span a space that rotations map into itself (Sloan 2008, "Stupid Spherical Harmonics
    Tricks", rotation), so comparing ``Y(d) c' = Y(rotation^-1 d) c`` at a few directions ``d`` gives ``D`` exactly.
    """
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((_DIRECTIONS, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    # Rows: d @ R is R^T d, the direction before the turn.
    before, after = basis(directions @ rotation, degree), basis(directions, degree)
    matrix = np.zeros(((degree + 1) ** 2, (degree + 1) ** 2))
    for band in range(degree + 1):
        of_band = slice(band**2, (band + 1) ** 2)
        matrix[of_band, of_band] = np.linalg.lstsq(after[:, of_band], before[:, of_band], rcond=None)[0]
    return matrix


def basis(directions: Float[ndarray, "d 3"], degree: int) -> Float[ndarray, "d k"]:
    """Values of the real harmonics up to ``degree`` (0 to 3) at unit directions, as the rasteriser defines them."""
    x, y, z = directions.T
    xx, yy, zz = x * x, y * y, z * z
    values = [
        np.full_like(x, C0),
        -C1 * y,
        C1 * z,
        -C1 * x,
        C2A * x * y,
        -C2A * y * z,
        C2B * (2 * zz - xx - yy),
        -C2A * x * z,
        C2C * (xx - yy),
        -C3A * y * (3 * xx - yy),
        C3B * x * y * z,
        -C3C * y * (4 * zz - xx - yy),
        C3D * z * (2 * zz - 3 * xx - 3 * yy),
        -C3C * x * (4 * zz - xx - yy),
        C3E * z * (xx - yy),
        -C3A * x * (xx - 3 * yy),
    ]
    return np.stack(values[: (degree + 1) ** 2], axis=1)

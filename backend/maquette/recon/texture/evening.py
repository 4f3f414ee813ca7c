"""One exposure and white balance for all photos: a gain and an offset per photo and colour.

From places that several photos show. Photo i shows a place of colour C as g C + b; gains, offsets and colours are
solved for in turn by weighted least squares, where what does not fit counts little (Cauchy weights): passers-by,
highlights. Scale and offset of all together are free, and set so that the mean photo stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, UInt8
from numpy import ndarray

from maquette.recon.mesh.mesh import Mesh
from maquette.recon.texture.texels import Places, face_areas, smooth_normals

SAMPLE_PLACES = 6000
_ROUNDS = 25
_SPREAD = 8.0
"""Difference, of 255, at which a sample counts half."""
_PRIOR_SAMPLES = 30.0
"""A photo's gain is held to 1 and its offset to 0 as by this many samples: one that shares little stays as it is."""
_OFFSET_STIFFNESS = 20.0
"""How much more that holds for offsets: a gain explains exposure, an offset only haze and flare."""


@dataclass(frozen=True, eq=False)
class Evening:
    """What makes photos even: even colour = (stored colour - offset) / gain, sRGB 0 to 255."""

    gains: Float64[ndarray, "m 3"]
    offsets: Float64[ndarray, "m 3"]

    def table(self, photo: int) -> UInt8[ndarray, "3 256"]:
        """Even colours of all stored ones."""
        stored = np.arange(256.0)[None]
        even = (stored - self.offsets[photo][:, None]) / self.gains[photo][:, None]
        table: UInt8[ndarray, "3 256"] = np.clip(np.rint(even), 0, 255).astype(np.uint8)
        return table


def no_evening(photos: int) -> Evening:
    """Photos as they are."""
    return Evening(np.ones((photos, 3)), np.zeros((photos, 3)))


def sample_places(mesh: Mesh, seed: int = 0) -> Places:
    """Places spread over the surface by area."""
    rng = np.random.default_rng(seed)
    areas = face_areas(mesh)
    face = rng.choice(len(areas), SAMPLE_PLACES, p=areas / areas.sum())
    u, v = np.sqrt(rng.random(SAMPLE_PLACES)), rng.random(SAMPLE_PLACES)
    shares = np.stack([1 - u, u * (1 - v), u * v], axis=1)[..., None]
    points = (mesh.vertices[mesh.faces[face]] * shares).sum(axis=1)
    normals = (smooth_normals(mesh)[mesh.faces[face]] * shares).sum(axis=1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    spacing = float(np.sqrt(areas.sum() / SAMPLE_PLACES))
    return Places(points.astype(np.float32), normals.astype(np.float32), spacing)


def solve_evening(colors: UInt8[ndarray, "m n 3"], weights: Float[ndarray, "m n"]) -> Evening:
    """Solve for what m photos show at n places; weights of 0 where a photo does not show one."""
    shared = weights.astype(np.float64) * ((weights > 0).sum(axis=0) > 1)
    shared /= max(float(shared.max(initial=0.0)), 1e-30)
    # Black and white pixels are cut off: they tell nothing of a gain.
    within = (colors > 2) & (colors < 253)
    solved = [_solve_channel(colors[..., c].astype(np.float64), shared * within[..., c]) for c in range(3)]
    return Evening(np.stack([gain for gain, _ in solved], axis=1), np.stack([offset for _, offset in solved], axis=1))


def _solve_channel(
    stored: Float64[ndarray, "m n"], weights: Float64[ndarray, "m n"]
) -> tuple[Float64[ndarray, " m"], Float64[ndarray, " m"]]:
    gain, offset = np.ones(len(stored)), np.zeros(len(stored))
    weights = np.sqrt(weights)  # the best view decides a texture, here many views are to have their say
    robust = weights
    for _ in range(_ROUNDS):
        divisor = np.maximum((robust * gain[:, None] ** 2).sum(axis=0), 1e-9)
        color = (robust * gain[:, None] * (stored - offset[:, None])).sum(axis=0) / divisor
        gain, offset = _fit(stored, color, robust)
        mean = gain.mean()
        gain, offset = gain / mean, offset - offset.mean()
        away = stored - gain[:, None] * color * mean - offset[:, None]
        robust = weights / (1 + (away / _SPREAD) ** 2)
    return gain, offset


def _fit(
    stored: Float64[ndarray, "m n"], color: Float64[ndarray, " n"], weights: Float64[ndarray, "m n"]
) -> tuple[Float64[ndarray, " m"], Float64[ndarray, " m"]]:
    """Each photo's line from even to stored colours, held to the diagonal by the prior."""
    typical = 128.0
    prior = _PRIOR_SAMPLES * float(weights[weights > 0].mean()) if (weights > 0).any() else 1.0
    a = (weights * color**2).sum(axis=1) + prior * typical**2
    b = (weights * color).sum(axis=1)
    d = weights.sum(axis=1) + prior * _OFFSET_STIFFNESS
    p = (weights * color * stored).sum(axis=1) + prior * typical**2
    q = (weights * stored).sum(axis=1)
    determinant = a * d - b * b
    return (p * d - q * b) / determinant, (a * q - b * p) / determinant

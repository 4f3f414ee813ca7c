"""Fewer spherical harmonics, refitted so that the colours seen from the photos change least."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from maquette.recon.frame.harmonics import basis
from maquette.recon.gaussians import Gaussians
from maquette.recon.optimize.weighing import Contributions
from maquette.recon.scene import Scene

RIDGE = 0.005
"""How strongly coefficients are held where they are, in shares of the weight seen: a Gaussian that only two photos show
says nothing about its colour from elsewhere. Held-out dB lost from degree 3 to 2, fox (77k Gaussians, 50 photos) and
kermit (26k, 10): cut off 1.21 and -0.06; 0.005 0.13 and -0.01; 0.02 0.26 and -0.03; 0.1 0.50 and -0.07."""
_ROWS = 8192


def lower_harmonics(gaussians: Gaussians, degree: int, scene: Scene, seen: Contributions) -> Gaussians:
    """The same Gaussians with harmonics up to ``degree``.

    What the dropped ones added is given to those that stay, by least squares over the views in ``seen``, weighted by
    what the Gaussian contributes to each: dropping alone shifts the colours of all that was seen from one side.
    """
    k = (degree + 1) ** 2
    if degree >= gaussians.sh_degree:
        return gaussians
    centres = np.stack([scene.views[index].camera.centre for index in seen.views])
    sh = np.empty((len(gaussians), k, 3), np.float32)
    for start in range(0, len(gaussians), _ROWS):
        rows = slice(start, start + _ROWS)
        sh[rows] = _refitted(
            gaussians.sh[rows], gaussians.means[rows], centres, seen.apart[rows].astype(np.float64), degree
        )
    lowered = gaussians.subset(np.arange(len(gaussians)))
    lowered.sh = sh
    return lowered


def _refitted(
    sh: Float32[ndarray, "n j 3"],
    means: Float32[ndarray, "n 3"],
    centres: Float[ndarray, "v 3"],
    weights: Float[ndarray, "n v"],
    degree: int,
) -> Float32[ndarray, "n k 3"]:
    k = (degree + 1) ** 2
    directions = means[:, None, :] - centres
    directions /= np.maximum(np.linalg.norm(directions, axis=2, keepdims=True), 1e-12)
    values = basis(directions.reshape(-1, 3), int(np.sqrt(sh.shape[1])) - 1).reshape(*weights.shape, -1)
    kept, dropped = values[..., :k], values[..., k:] @ sh[:, k:]
    total = weights.sum(axis=1)
    shares = weights / np.maximum(total, 1e-12)[:, None]
    weighted = (kept * shares[..., None]).transpose(0, 2, 1)
    moved = np.linalg.solve(weighted @ kept + RIDGE * np.eye(k), weighted @ dropped)
    return np.asarray(sh[:, :k] + moved, dtype=np.float32)

"""Real spherical harmonics of degree 3, values and gradients, for sixteen directions at a time.

Signs and order are those of 3DGS files (Kerbl et al. 2023; Sloan 2013, "Efficient Spherical Harmonic
Evaluation"): degree 1 is (-y, z, -x).
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from maquette.recon.rasterize.compiled import Scalar, inlined_kernel
from maquette.recon.rasterize.lanes import lanes_of, load, store

C0 = np.float32(0.28209479177387814)
C1 = np.float32(0.4886025119029199)
C2A = np.float32(1.0925484305920792)
C2B = np.float32(0.31539156525252005)
C2C = np.float32(0.5462742152960396)
C3A = np.float32(0.5900435899266435)
C3B = np.float32(2.890611442640554)
C3C = np.float32(0.4570457994644658)
C3D = np.float32(0.3731763325901154)
C3E = np.float32(1.445305721320277)
ONE = np.float32(1.0)
TWO = np.float32(2.0)
THREE = np.float32(3.0)
FOUR = np.float32(4.0)
SIX = np.float32(6.0)
EIGHT = np.float32(8.0)


@inlined_kernel
def basis(x: Scalar, y: Scalar, z: Scalar, values: ndarray) -> None:
    """Write the 16 basis values of the unit directions (x, y, z), a vector of lanes each, into ``values``."""
    xx, yy, zz = x * x, y * y, z * z
    store(values, np.uint64(0), lanes_of(C0))
    store(values, np.uint64(16), -C1 * y)
    store(values, np.uint64(32), C1 * z)
    store(values, np.uint64(48), -C1 * x)
    store(values, np.uint64(64), C2A * x * y)
    store(values, np.uint64(80), -C2A * y * z)
    store(values, np.uint64(96), C2B * (TWO * zz - xx - yy))
    store(values, np.uint64(112), -C2A * x * z)
    store(values, np.uint64(128), C2C * (xx - yy))
    store(values, np.uint64(144), -C3A * y * (THREE * xx - yy))
    store(values, np.uint64(160), C3B * x * y * z)
    store(values, np.uint64(176), -C3C * y * (FOUR * zz - xx - yy))
    store(values, np.uint64(192), C3D * z * (TWO * zz - THREE * xx - THREE * yy))
    store(values, np.uint64(208), -C3C * x * (FOUR * zz - xx - yy))
    store(values, np.uint64(224), C3E * z * (xx - yy))
    store(values, np.uint64(240), -C3A * x * (xx - THREE * yy))


@inlined_kernel
def direction_gradient(x: Scalar, y: Scalar, z: Scalar, weights: ndarray) -> tuple[Scalar, Scalar, Scalar]:
    """Gradient of ``sum_k weights[k] * basis_k(x, y, z)`` with respect to the direction (not normalised)."""
    xx, yy, zz = x * x, y * y, z * z
    w1, w2, w3 = load(weights, np.uint64(16)), load(weights, np.uint64(32)), load(weights, np.uint64(48))
    w4, w5, w6 = load(weights, np.uint64(64)), load(weights, np.uint64(80)), load(weights, np.uint64(96))
    w7, w8, w9 = load(weights, np.uint64(112)), load(weights, np.uint64(128)), load(weights, np.uint64(144))
    w10, w11, w12 = load(weights, np.uint64(160)), load(weights, np.uint64(176)), load(weights, np.uint64(192))
    w13, w14, w15 = load(weights, np.uint64(208)), load(weights, np.uint64(224)), load(weights, np.uint64(240))
    gx = (
        C2A * (y * w4 - z * w7)
        - C1 * w3
        + TWO * x * (C2C * w8 - C2B * w6)
        - SIX * C3A * x * y * w9
        + C3B * y * z * w10
        + TWO * C3C * x * y * w11
        - SIX * C3D * x * z * w12
        - C3C * (FOUR * zz - THREE * xx - yy) * w13
        + TWO * C3E * x * z * w14
        - THREE * C3A * (xx - yy) * w15
    )
    gy = (
        C2A * (x * w4 - z * w5)
        - C1 * w1
        - TWO * y * (C2C * w8 + C2B * w6)
        - THREE * C3A * (xx - yy) * w9
        + C3B * x * z * w10
        - C3C * (FOUR * zz - xx - THREE * yy) * w11
        - SIX * C3D * y * z * w12
        + TWO * C3C * x * y * w13
        - TWO * C3E * y * z * w14
        + SIX * C3A * x * y * w15
    )
    gz = (
        C1 * w2
        + FOUR * C2B * z * w6
        - C2A * (y * w5 + x * w7)
        + C3B * x * y * w10
        - EIGHT * C3C * y * z * w11
        + C3D * (SIX * zz - THREE * xx - THREE * yy) * w12
        - EIGHT * C3C * x * z * w13
        + C3E * (xx - yy) * w14
    )
    return gx, gy, gz

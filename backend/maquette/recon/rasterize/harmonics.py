"""Real spherical harmonics up to degree 3, values and gradients, for one direction at a time.

Signs and order are those of 3DGS files (Kerbl et al. 2023; Sloan 2013, "Efficient Spherical Harmonic
Evaluation"): degree 1 is (-y, z, -x).
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from maquette.recon.rasterize.compiled import Scalar, kernel

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


@kernel
def basis(degree: Scalar, x: Scalar, y: Scalar, z: Scalar, values: ndarray) -> None:
    """Write the ``(degree + 1)**2`` basis values of the unit direction (x, y, z) into ``values``."""
    values[0] = C0
    if degree > 0:
        values[1] = -C1 * y
        values[2] = C1 * z
        values[3] = -C1 * x
    if degree > 1:
        xx, yy, zz = x * x, y * y, z * z
        values[4] = C2A * x * y
        values[5] = -C2A * y * z
        values[6] = C2B * (TWO * zz - xx - yy)
        values[7] = -C2A * x * z
        values[8] = C2C * (xx - yy)
        if degree > 2:
            values[9] = -C3A * y * (THREE * xx - yy)
            values[10] = C3B * x * y * z
            values[11] = -C3C * y * (FOUR * zz - xx - yy)
            values[12] = C3D * z * (TWO * zz - THREE * xx - THREE * yy)
            values[13] = -C3C * x * (FOUR * zz - xx - yy)
            values[14] = C3E * z * (xx - yy)
            values[15] = -C3A * x * (xx - THREE * yy)


@kernel
def direction_gradient(
    degree: Scalar, x: Scalar, y: Scalar, z: Scalar, weight: ndarray
) -> tuple[Scalar, Scalar, Scalar]:
    """Gradient of ``sum_k weight[k] * basis_k(x, y, z)`` with respect to the direction (not normalised)."""
    gx = np.float32(0.0)
    gy = np.float32(0.0)
    gz = np.float32(0.0)
    if degree > 0:
        gx -= C1 * weight[3]
        gy -= C1 * weight[1]
        gz += C1 * weight[2]
    if degree > 1:
        gx += C2A * (y * weight[4] - z * weight[7]) + TWO * x * (C2C * weight[8] - C2B * weight[6])
        gy += C2A * (x * weight[4] - z * weight[5]) - TWO * y * (C2C * weight[8] + C2B * weight[6])
        gz += FOUR * C2B * z * weight[6] - C2A * (y * weight[5] + x * weight[7])
        if degree > 2:
            xx, yy, zz = x * x, y * y, z * z
            gx += (
                -SIX * C3A * x * y * weight[9]
                + C3B * y * z * weight[10]
                + TWO * C3C * x * y * weight[11]
                - SIX * C3D * x * z * weight[12]
                - C3C * (FOUR * zz - THREE * xx - yy) * weight[13]
                + TWO * C3E * x * z * weight[14]
                - THREE * C3A * (xx - yy) * weight[15]
            )
            gy += (
                -THREE * C3A * (xx - yy) * weight[9]
                + C3B * x * z * weight[10]
                - C3C * (FOUR * zz - xx - THREE * yy) * weight[11]
                - SIX * C3D * y * z * weight[12]
                + TWO * C3C * x * y * weight[13]
                - TWO * C3E * y * z * weight[14]
                + SIX * C3A * x * y * weight[15]
            )
            gz += (
                C3B * x * y * weight[10]
                - EIGHT * C3C * y * z * weight[11]
                + C3D * (SIX * zz - THREE * xx - THREE * yy) * weight[12]
                - EIGHT * C3C * x * z * weight[13]
                + C3E * (xx - yy) * weight[14]
            )
    return gx, gy, gz

"""Gaussians to screen-space ellipses and colours (Kerbl et al. 2023, section 4; Zwicker et al. 2001, EWA splatting).

With B = J R_w (2x3) and M = R S (3x3), the screen covariance is A A^T + 0.3 I for A = B M. Its determinant is
taken as |a0 x a1|^2 + 0.3 (|a0|^2 + |a1|^2) + 0.09 (Cauchy-Binet), which stays exact for needles, where the
usual product of the diagonal loses every digit of float32.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from numba import prange
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.rasterize.binning import BLOCK
from maquette.recon.rasterize.compiled import Scalar, kernel, parallel_kernel
from maquette.recon.rasterize.ellipses import LOG2_255, count_touched
from maquette.recon.rasterize.harmonics import basis

LOW_PASS = np.float32(0.3)
"""Added to the screen covariance, square pixels: no splat is thinner than about a pixel (EWA)."""
MIN_ALPHA = np.float32(1.0 / 255.0)
"""Contributions below this are dropped (Kerbl et al. 2023, appendix C)."""
LOG2_E = np.float32(np.log2(np.e))
MAX_DETERMINANT = np.float32(1e30)
"""Splats wider than about 3e7 pixels are dropped: they would overflow float32."""

PACK = 16
"""Floats a visible Gaussian is packed into, a cache line; 12 are used: mean x, y; the exponent's coefficients of dx^2,
dx dy, dy^2; log2 of the opacity; red, green, blue; depth; half extents x, y of the ellipse where alpha is 1/255."""

ZERO = np.float32(0.0)
ONE = np.float32(1.0)
TWO = np.float32(2.0)
HALF = np.float32(0.5)


def pack_camera(camera: Camera, near: float, far: float) -> Float32[ndarray, " 24"]:
    """The camera as the flat float32 array that the kernels read."""
    tan_x, tan_y = 0.5 * camera.width / camera.fx, 0.5 * camera.height / camera.fy
    packed = np.empty(24, np.float32)
    packed[0:9] = camera.camera_from_world[:3, :3].reshape(9)
    packed[9:12] = camera.camera_from_world[:3, 3]
    packed[12:16] = camera.fx, camera.fy, camera.cx, camera.cy
    packed[16:18] = camera.width, camera.height
    # Beyond 1.3 times the field of view the linearised projection explodes; x/z and y/z are clamped there.
    packed[18] = (camera.width - camera.cx) / camera.fx + 0.3 * tan_x
    packed[19] = camera.cx / camera.fx + 0.3 * tan_x
    packed[20] = (camera.height - camera.cy) / camera.fy + 0.3 * tan_y
    packed[21] = camera.cy / camera.fy + 0.3 * tan_y
    packed[22:24] = near, far
    return packed


@kernel
def rotation(qw: Scalar, qx: Scalar, qy: Scalar, qz: Scalar) -> tuple[Scalar, ...]:
    """Rotation matrix, row by row, of a quaternion of unit length."""
    r00 = ONE - TWO * (qy * qy + qz * qz)
    r01 = TWO * (qx * qy - qw * qz)
    r02 = TWO * (qx * qz + qw * qy)
    r10 = TWO * (qx * qy + qw * qz)
    r11 = ONE - TWO * (qx * qx + qz * qz)
    r12 = TWO * (qy * qz - qw * qx)
    r20 = TWO * (qx * qz - qw * qy)
    r21 = TWO * (qy * qz + qw * qx)
    r22 = ONE - TWO * (qx * qx + qy * qy)
    return r00, r01, r02, r10, r11, r12, r20, r21, r22


@parallel_kernel
def project(
    means: ndarray,
    log_scales: ndarray,
    quaternions: ndarray,
    opacity_logits: ndarray,
    sh: ndarray,
    camera: ndarray,
    centre: ndarray,
    degree: int,
    packed: ndarray,
    touched: ndarray,
    block_counts: ndarray,
) -> None:
    """Fill ``packed`` and the number of tiles ``touched`` of every Gaussian; count visible ones and pairs per block."""
    n = means.shape[0]
    blocks = block_counts.shape[0]
    c0, c1, c2, c3, c4, c5, c6, c7, c8 = (
        camera[0],
        camera[1],
        camera[2],
        camera[3],
        camera[4],
        camera[5],
        camera[6],
        camera[7],
        camera[8],
    )
    t0, t1, t2 = camera[9], camera[10], camera[11]
    fx, fy, cx, cy = camera[12], camera[13], camera[14], camera[15]
    width, height = camera[16], camera[17]
    lim_xp, lim_xn, lim_yp, lim_yn = camera[18], camera[19], camera[20], camera[21]
    near, far = camera[22], camera[23]
    terms = (degree + 1) * (degree + 1)
    for block in prange(blocks):
        values = np.empty(16, np.float32)
        count, pairs = 0, 0
        for i in range(block * BLOCK, min(n, (block + 1) * BLOCK)):
            touched[i] = 0
            mx, my, mz = means[i, 0], means[i, 1], means[i, 2]
            pz = c6 * mx + c7 * my + c8 * mz + t2
            opacity = ONE / (ONE + np.exp(-opacity_logits[i]))
            if not (near < pz and pz < far and opacity > MIN_ALPHA):
                continue
            px = c0 * mx + c1 * my + c2 * mz + t0
            py = c3 * mx + c4 * my + c5 * mz + t1
            rz = ONE / pz
            u = fx * px * rz + cx
            v = fy * py * rz + cy

            qw, qx, qy, qz = quaternions[i, 0], quaternions[i, 1], quaternions[i, 2], quaternions[i, 3]
            norm = ONE / np.sqrt(max(qw * qw + qx * qx + qy * qy + qz * qz, np.float32(1e-24)))
            r00, r01, r02, r10, r11, r12, r20, r21, r22 = rotation(qw * norm, qx * norm, qy * norm, qz * norm)
            s0, s1, s2 = np.exp(log_scales[i, 0]), np.exp(log_scales[i, 1]), np.exp(log_scales[i, 2])

            xr = min(lim_xp, max(-lim_xn, px * rz))
            yr = min(lim_yp, max(-lim_yn, py * rz))
            jx, jy = fx * rz, fy * rz
            b00, b01, b02 = jx * (c0 - xr * c6), jx * (c1 - xr * c7), jx * (c2 - xr * c8)
            b10, b11, b12 = jy * (c3 - yr * c6), jy * (c4 - yr * c7), jy * (c5 - yr * c8)
            a00 = (b00 * r00 + b01 * r10 + b02 * r20) * s0
            a01 = (b00 * r01 + b01 * r11 + b02 * r21) * s1
            a02 = (b00 * r02 + b01 * r12 + b02 * r22) * s2
            a10 = (b10 * r00 + b11 * r10 + b12 * r20) * s0
            a11 = (b10 * r01 + b11 * r11 + b12 * r21) * s1
            a12 = (b10 * r02 + b11 * r12 + b12 * r22) * s2
            squares_x = a00 * a00 + a01 * a01 + a02 * a02
            squares_y = a10 * a10 + a11 * a11 + a12 * a12
            xy = a00 * a10 + a01 * a11 + a02 * a12
            k0, k1, k2 = a01 * a12 - a02 * a11, a02 * a10 - a00 * a12, a00 * a11 - a01 * a10
            determinant = k0 * k0 + k1 * k1 + k2 * k2 + LOW_PASS * (squares_x + squares_y) + LOW_PASS * LOW_PASS
            if not determinant < MAX_DETERMINANT:
                continue
            xx, yy = squares_x + LOW_PASS, squares_y + LOW_PASS

            log2_opacity = np.log2(opacity)
            # alpha >= 1/255 inside d^T Sigma^-1 d <= reach: the ellipse shrinks with the opacity.
            reach = TWO * (log2_opacity + LOG2_255) / LOG2_E
            ex, ey = np.sqrt(reach * xx), np.sqrt(reach * yy)
            if not (u + ex > HALF and u - ex < width - HALF and v + ey > HALF and v - ey < height - HALF):
                continue
            inverse = HALF * LOG2_E / determinant
            packed[i, 0], packed[i, 1] = u, v
            packed[i, 2], packed[i, 3], packed[i, 4] = -yy * inverse, TWO * xy * inverse, -xx * inverse
            packed[i, 5] = log2_opacity
            packed[i, 9], packed[i, 10], packed[i, 11] = pz, ex, ey
            tiles = count_touched(packed, i, int(width), int(height))
            touched[i] = tiles
            if tiles == 0:
                continue

            dx, dy, dz = mx - centre[0], my - centre[1], mz - centre[2]
            norm = ONE / np.sqrt(max(dx * dx + dy * dy + dz * dz, np.float32(1e-24)))
            basis(degree, dx * norm, dy * norm, dz * norm, values)
            red, green, blue = HALF, HALF, HALF
            for k in range(terms):
                red += values[k] * sh[i, k, 0]
                green += values[k] * sh[i, k, 1]
                blue += values[k] * sh[i, k, 2]
            packed[i, 6], packed[i, 7], packed[i, 8] = max(red, ZERO), max(green, ZERO), max(blue, ZERO)
            count += 1
            pairs += tiles
        block_counts[block, 0] = count
        block_counts[block, 1] = pairs

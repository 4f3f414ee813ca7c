"""Gaussians to screen-space ellipses and colours (Kerbl et al. 2023, section 4; Zwicker et al. 2001, EWA splatting).

With B = J R_w (2x3) and M = R S (3x3), the screen covariance is A A^T + 0.3 I for A = B M. Its determinant is
taken as |a0 x a1|^2 + 0.3 (|a0|^2 + |a1|^2) + 0.09 (Cauchy-Binet), which stays exact for needles, where the
usual product of the diagonal loses every digit of float32.

Sixteen Gaussians at a time, one in each lane: what is read and written by Gaussian goes through :func:`rows.cross`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from numba import prange
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.rasterize.binning import BLOCK
from maquette.recon.rasterize.compiled import Scalar, inlined_kernel, parallel_kernel
from maquette.recon.rasterize.ellipses import LOG2_255, TILE, columns, tile_rows
from maquette.recon.rasterize.harmonics import basis
from maquette.recon.rasterize.lane_functions import exp, log2, root
from maquette.recon.rasterize.lanes import WIDTH, bits_of, lanes_of, least, lines, most, select, will_read
from maquette.recon.rasterize.rows import CROSSED, PACK, cross, has, load_parameters, nth, put, row_starts

LOW_PASS = np.float32(0.3)
"""Added to the screen covariance, square pixels: no splat is thinner than about a pixel (EWA)."""
MIN_ALPHA = np.float32(1.0 / 255.0)
"""Contributions below this are dropped (Kerbl et al. 2023, appendix C)."""
LOG2_E = np.float32(np.log2(np.e))
MAX_DETERMINANT = np.float32(1e30)
"""Splats wider than about 3e7 pixels are dropped: they would overflow float32."""

ZERO = np.float32(0.0)
ONE = np.float32(1.0)
TWO = np.float32(2.0)
HALF = np.float32(0.5)
TINY = np.float32(1e-24)
"""Least squared length that is divided by: of a quaternion, of a distance."""


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


@inlined_kernel
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


@inlined_kernel
def ellipses_of(parameters: ndarray, camera: ndarray, centre: ndarray, packed: ndarray) -> Scalar:
    """Project sixteen Gaussians; fills vectors 0 to 5, 9 to 11 and 13 to 15 of what is packed.

    Returns the bits of those whose ellipse may touch the image.
    """
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
    fx, fy = camera[12], camera[13]
    mx, my, mz = nth(parameters, 0), nth(parameters, 1), nth(parameters, 2)
    px = c0 * mx + c1 * my + c2 * mz + camera[9]
    py = c3 * mx + c4 * my + c5 * mz + camera[10]
    pz = c6 * mx + c7 * my + c8 * mz + camera[11]
    fading = ONE + exp(-nth(parameters, 10))
    keep = (pz > camera[22]) & (pz < camera[23]) & (ONE / fading > MIN_ALPHA)
    rz = ONE / pz
    u, v = fx * px * rz + camera[14], fy * py * rz + camera[15]

    qw, qx, qy, qz = nth(parameters, 6), nth(parameters, 7), nth(parameters, 8), nth(parameters, 9)
    norm = ONE / root(most(qw * qw + qx * qx + qy * qy + qz * qz, TINY))
    r00, r01, r02, r10, r11, r12, r20, r21, r22 = rotation(qw * norm, qx * norm, qy * norm, qz * norm)
    s0, s1, s2 = exp(nth(parameters, 3)), exp(nth(parameters, 4)), exp(nth(parameters, 5))
    xr = least(most(px * rz, -camera[19]), camera[18])
    yr = least(most(py * rz, -camera[21]), camera[20])
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
    xx, yy = squares_x + LOW_PASS, squares_y + LOW_PASS

    log2_opacity = -log2(fading)
    # alpha >= 1/255 inside d^T Sigma^-1 d <= reach: the ellipse shrinks with the opacity.
    reach = (log2_opacity + LOG2_255) * (TWO / LOG2_E)
    ex, ey = root(reach * xx), root(reach * yy)
    keep = keep & (determinant < MAX_DETERMINANT)
    keep = keep & (u + ex > HALF) & (u - ex < camera[16] - HALF) & (v + ey > HALF) & (v - ey < camera[17] - HALF)
    inverse = HALF * LOG2_E / determinant
    put(packed, 0, u)
    put(packed, 1, v)
    put(packed, 2, -yy * inverse)
    put(packed, 3, TWO * xy * inverse)
    put(packed, 4, -xx * inverse)
    put(packed, 5, log2_opacity)
    put(packed, 9, pz)
    put(packed, 10, ex)
    put(packed, 11, ey)
    dx, dy, dz = mx - centre[0], my - centre[1], mz - centre[2]
    norm = ONE / root(most(dx * dx + dy * dy + dz * dz, TINY))
    put(packed, 13, dx * norm)
    put(packed, 14, dy * norm)
    put(packed, 15, dz * norm)
    return bits_of(keep)


@inlined_kernel
def load_harmonics(
    sh: ndarray, members: ndarray, first: Scalar, last: Scalar, vectors: Scalar, starts: ndarray, crossed: ndarray
) -> None:
    """Coefficients of Gaussians ``members[first:last]``, at most sixteen, crosswise; lanes beyond repeat the last.

    ``vectors`` is how many groups of sixteen numbers are wanted of each.
    """
    stored = sh.shape[1] * 3
    if stored == CROSSED:
        for lane in range(WIDTH):
            starts[lane] = np.uint64(members[min(first + lane, last - 1)] * stored)
        for vector in range(vectors):
            cross(sh, starts, np.uint64(vector * WIDTH), crossed, np.uint64(vector * WIDTH * WIDTH))
    else:
        # Harmonics of a lower degree are no whole vectors; their models are small.
        for lane in range(WIDTH):
            i = members[min(first + lane, last - 1)]
            for k in range(stored):
                crossed[k * WIDTH + lane] = sh[i, k // 3, k % 3]


@inlined_kernel
def count_strip(
    packed: ndarray,
    starts: ndarray,
    waiting: ndarray,
    strips: Scalar,
    tops: ndarray,
    width: Scalar,
    seen: ndarray,
    touched: ndarray,
) -> None:
    """Add the tiles of tile rows, at most sixteen and each of one Gaussian, to what these have ``touched``."""
    cross(packed, starts, np.uint64(0), seen, np.uint64(0))
    first, last = columns(seen, nth(tops, 0), np.float32(width))
    put(seen, 0, last - first)
    for k in range(strips):
        touched[waiting[k]] += np.int32(seen[k])


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
    width, height = int(camera[16]), int(camera[17])
    terms = (degree + 1) * (degree + 1)
    vectors = (3 * terms + WIDTH - 1) // WIDTH
    stored = 3 * sh.shape[1]
    for block in prange(block_counts.shape[0]):
        rows, lanes, crossed = lines(WIDTH * WIDTH), lines(WIDTH * WIDTH), lines(WIDTH * CROSSED)
        tops = lines(WIDTH)
        row, starts = row_starts(), row_starts()
        members, waiting = np.empty(BLOCK, np.int64), np.empty(WIDTH, np.int64)
        starts[:] = 0
        count, pairs, strips = 0, 0, 0
        end = min(n, (block + 1) * BLOCK)
        for begin in range(block * BLOCK, end, WIDTH):
            for lane in range(WIDTH):
                at = np.uint64(min(begin + lane, end - 1))
                put(rows, lane, load_parameters(means, log_scales, quaternions, opacity_logits, at))
            cross(rows, row, np.uint64(0), lanes, np.uint64(0))
            keep = ellipses_of(lanes, camera, centre, rows)
            cross(rows, row, np.uint64(0), lanes, np.uint64(0))
            for lane in range(min(WIDTH, end - begin)):
                i = begin + lane
                touched[i] = 0
                if not has(keep, lane):
                    continue
                put(packed, i, nth(lanes, lane))
                row0, row1 = tile_rows(packed, i, height)
                for tile_row in range(row0, row1):
                    waiting[strips], starts[strips] = i, np.uint64(i * PACK)
                    tops[strips] = np.float32(tile_row * TILE)
                    strips += 1
                    if strips == WIDTH:
                        count_strip(packed, starts, waiting, strips, tops, width, crossed, touched)
                        strips = 0
        count_strip(packed, starts, waiting, strips, tops, width, crossed, touched)
        for i in range(block * BLOCK, end):
            if touched[i] > 0:
                members[count] = i
                count += 1
                pairs += touched[i]
        for begin in range(0, count, WIDTH):
            last = min(begin + WIDTH, count)
            for lane in range(WIDTH):
                starts[lane] = np.uint64(members[min(begin + lane, last - 1)] * PACK)
            cross(packed, starts, np.uint64(0), lanes, np.uint64(0))
            basis(nth(lanes, 13), nth(lanes, 14), nth(lanes, 15), rows)
            load_harmonics(sh, members, begin, last, vectors, starts, crossed)
            red, green, blue = lanes_of(HALF), lanes_of(HALF), lanes_of(HALF)
            for k in range(terms):
                value = nth(rows, k)
                red += value * nth(crossed, 3 * k)
                green += value * nth(crossed, 3 * k + 1)
                blue += value * nth(crossed, 3 * k + 2)
            put(lanes, 0, select(red < ZERO, ZERO, red))
            put(lanes, 1, select(green < ZERO, ZERO, green))
            put(lanes, 2, select(blue < ZERO, ZERO, blue))
            for lane in range(last - begin):
                i = members[begin + lane]
                packed[i, 6], packed[i, 7], packed[i, 8] = lanes[lane], lanes[WIDTH + lane], lanes[2 * WIDTH + lane]
                ahead = np.uint64(members[min(begin + lane + WIDTH, count - 1)] * stored)
                for vector in range(vectors):
                    will_read(sh, ahead + np.uint64(vector * WIDTH))
        block_counts[block, 0] = count
        block_counts[block, 1] = pairs

"""From a Gaussian's slots to gradients of its five parameters: the chain rule of :mod:`projection`, by hand.

With K the inverse screen covariance, M2 = sum v d d^T and m1 = sum v d over its pixels: dL/dmean = K m1 and
dL/dSigma = K M2 K / 2 (gsplat technical report, Ye & Kanazawa 2023, section 4). Sixteen Gaussians at a time, as there.
"""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy import ndarray

from maquette.recon.rasterize.compiled import Scalar, inlined_kernel, kernel, parallel_kernel
from maquette.recon.rasterize.harmonics import basis, direction_gradient
from maquette.recon.rasterize.lane_functions import exp, root
from maquette.recon.rasterize.lanes import (
    WIDTH,
    bits_of,
    doubled,
    halved,
    lanes_of,
    least,
    lines,
    most,
    select,
    store,
)
from maquette.recon.rasterize.projection import (
    LOW_PASS,
    ONE,
    TINY,
    TWO,
    ZERO,
    load_harmonics,
    rotation,
)
from maquette.recon.rasterize.rows import (
    CROSSED,
    PACK,
    cross,
    load_nine,
    load_parameters,
    load_ten,
    nth,
    put,
    row_starts,
    store_parameters,
)

PART = 256
"""Gaussians that one thread takes at a time."""
HARMONICS = 16
SCREEN = 11
"""Where the norm of the screen gradient is, behind a row of the parameters' gradients."""
FOUR = np.float32(4.0)
ONE_DOUBLE = np.float64(1.0)


@inlined_kernel
def sum_slots(slots: ndarray, first: Scalar, last: Scalar, totals: ndarray, at: Scalar) -> Scalar:
    """Sum slots [first, last) into row ``at`` of ``totals``, numbers as in a slot; returns whether a pixel took it."""
    total = lanes_of(ZERO)
    floats = np.uint64(slots.shape[1])
    for slot in range(np.uint64(first), np.uint64(last)):
        if floats == np.uint64(9):
            total += load_nine(slots, slot * floats)
        else:
            total += load_ten(slots, slot * floats)
    store(totals, np.uint64(at * WIDTH), total)
    return bits_of(total != ZERO) != np.uint64(0)


@inlined_kernel
def chain(
    parameters: ndarray,
    packed: ndarray,
    totals: ndarray,
    harmonics: ndarray,
    camera: ndarray,
    centre: ndarray,
    terms: Scalar,
    values: ndarray,
    weights: ndarray,
    gradients: ndarray,
    opacity_pull: Scalar,
) -> None:
    """Gradients of sixteen Gaussians, all crosswise; those of ``harmonics`` take their place.

    ``opacity_pull`` times the opacity is added to the loss.
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
    half_width, half_height = camera[16] / TWO, camera[17] / TWO

    fading = exp(-nth(parameters, 10))
    opacity = ONE / (ONE + fading)
    put(gradients, 10, (nth(totals, 3) + opacity_pull * opacity) * (fading * opacity))

    # The forward values that are cheaper to have again than to keep.
    mx, my, mz = nth(parameters, 0), nth(parameters, 1), nth(parameters, 2)
    px = c0 * mx + c1 * my + c2 * mz + camera[9]
    py = c3 * mx + c4 * my + c5 * mz + camera[10]
    rz = ONE / nth(packed, 9)
    x_slope, y_slope = px * rz, py * rz
    xr = least(most(x_slope, -camera[19]), camera[18])
    yr = least(most(y_slope, -camera[21]), camera[20])
    jx, jy = fx * rz, fy * rz
    e00, e01, e02 = c0 - xr * c6, c1 - xr * c7, c2 - xr * c8
    e10, e11, e12 = c3 - yr * c6, c4 - yr * c7, c5 - yr * c8
    b00, b01, b02 = jx * e00, jx * e01, jx * e02
    b10, b11, b12 = jy * e10, jy * e11, jy * e12
    qw, qx, qy, qz = nth(parameters, 6), nth(parameters, 7), nth(parameters, 8), nth(parameters, 9)
    norm = ONE / root(most(qw * qw + qx * qx + qy * qy + qz * qz, TINY))
    qw, qx, qy, qz = qw * norm, qx * norm, qy * norm, qz * norm
    r00, r01, r02, r10, r11, r12, r20, r21, r22 = rotation(qw, qx, qy, qz)
    s0, s1, s2 = exp(nth(parameters, 3)), exp(nth(parameters, 4)), exp(nth(parameters, 5))
    m00, m01, m02 = r00 * s0, r01 * s1, r02 * s2
    m10, m11, m12 = r10 * s0, r11 * s1, r12 * s2
    m20, m21, m22 = r20 * s0, r21 * s1, r22 * s2

    # Sigma = A A^T, K its inverse, G = K M2 K / 2, dA = 2 G A. In double precision: for a needle, what moves
    # its long axis is a small remainder of large numbers.
    x0, y0 = doubled(b00 * m00 + b01 * m10 + b02 * m20), doubled(b10 * m00 + b11 * m10 + b12 * m20)
    x1, y1 = doubled(b00 * m01 + b01 * m11 + b02 * m21), doubled(b10 * m01 + b11 * m11 + b12 * m21)
    x2, y2 = doubled(b00 * m02 + b01 * m12 + b02 * m22), doubled(b10 * m02 + b11 * m12 + b12 * m22)
    sxx, syy = x0 * x0 + x1 * x1 + x2 * x2, y0 * y0 + y1 * y1 + y2 * y2
    sxy = x0 * y0 + x1 * y1 + x2 * y2
    k0, k1, k2 = x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0
    low = np.float64(LOW_PASS)
    inverse = ONE_DOUBLE / (k0 * k0 + k1 * k1 + k2 * k2 + low * (sxx + syy) + low * low)
    kxx, kxy, kyy = (syy + low) * inverse, np.float64(-1.0) * sxy * inverse, (sxx + low) * inverse
    m1x, m1y = doubled(nth(totals, 4)), doubled(nth(totals, 5))
    m2xx, m2xy, m2yy = doubled(nth(totals, 6)), doubled(nth(totals, 7)), doubled(nth(totals, 8))
    w00, w01 = m2xx * kxx + m2xy * kxy, m2xx * kxy + m2xy * kyy
    w10, w11 = m2xy * kxx + m2yy * kxy, m2xy * kxy + m2yy * kyy
    gxx, gxy, gyy = kxx * w00 + kxy * w10, kxx * w01 + kxy * w11, kxy * w01 + kyy * w11
    da00, da10 = halved(gxx * x0 + gxy * y0), halved(gxy * x0 + gyy * y0)
    da01, da11 = halved(gxx * x1 + gxy * y1), halved(gxy * x1 + gyy * y1)
    da02, da12 = halved(gxx * x2 + gxy * y2), halved(gxy * x2 + gyy * y2)
    du, dv = halved(kxx * m1x + kxy * m1y), halved(kxy * m1x + kyy * m1y)
    hx, hy = du * half_width, dv * half_height
    put(gradients, 11, root(hx * hx + hy * hy))
    # A = B M
    dm00, dm01, dm02 = b00 * da00 + b10 * da10, b00 * da01 + b10 * da11, b00 * da02 + b10 * da12
    dm10, dm11, dm12 = b01 * da00 + b11 * da10, b01 * da01 + b11 * da11, b01 * da02 + b11 * da12
    dm20, dm21, dm22 = b02 * da00 + b12 * da10, b02 * da01 + b12 * da11, b02 * da02 + b12 * da12
    put(gradients, 3, dm00 * m00 + dm10 * m10 + dm20 * m20)
    put(gradients, 4, dm01 * m01 + dm11 * m11 + dm21 * m21)
    put(gradients, 5, dm02 * m02 + dm12 * m12 + dm22 * m22)
    # M = R S, then R of the unit quaternion, then its normalisation
    d00, d01, d02 = dm00 * s0, dm01 * s1, dm02 * s2
    d10, d11, d12 = dm10 * s0, dm11 * s1, dm12 * s2
    d20, d21, d22 = dm20 * s0, dm21 * s1, dm22 * s2
    dqw = TWO * (qx * (d21 - d12) + qy * (d02 - d20) + qz * (d10 - d01))
    dqx = TWO * (qw * (d21 - d12) + qy * (d01 + d10) + qz * (d02 + d20)) - FOUR * qx * (d11 + d22)
    dqy = TWO * (qw * (d02 - d20) + qx * (d01 + d10) + qz * (d12 + d21)) - FOUR * qy * (d00 + d22)
    dqz = TWO * (qw * (d10 - d01) + qx * (d02 + d20) + qy * (d12 + d21)) - FOUR * qz * (d00 + d11)
    along = qw * dqw + qx * dqx + qy * dqy + qz * dqz
    put(gradients, 6, (dqw - along * qw) * norm)
    put(gradients, 7, (dqx - along * qx) * norm)
    put(gradients, 8, (dqy - along * qy) * norm)
    put(gradients, 9, (dqz - along * qz) * norm)

    # B = J R_w with rows jx (c_0 - xr c_2), jy (c_1 - yr c_2)
    db00 = da00 * m00 + da01 * m01 + da02 * m02
    db01 = da00 * m10 + da01 * m11 + da02 * m12
    db02 = da00 * m20 + da01 * m21 + da02 * m22
    db10 = da10 * m00 + da11 * m01 + da12 * m02
    db11 = da10 * m10 + da11 * m11 + da12 * m12
    db12 = da10 * m20 + da11 * m21 + da12 * m22
    d_jx = db00 * e00 + db01 * e01 + db02 * e02
    d_jy = db10 * e10 + db11 * e11 + db12 * e12
    d_xr = -jx * (db00 * c6 + db01 * c7 + db02 * c8)
    d_yr = -jy * (db10 * c6 + db11 * c7 + db12 * c8)
    d_xr = select(xr != x_slope, ZERO, d_xr)
    d_yr = select(yr != y_slope, ZERO, d_yr)
    # x/z also moves the screen mean, u = fx x/z + cx
    d_xs, d_ys = d_xr + fx * du, d_yr + fy * dv
    dpx, dpy = d_xs * rz, d_ys * rz
    dpz = nth(totals, 9) - rz * (d_xs * x_slope + d_ys * y_slope + d_jx * jx + d_jy * jy)

    # Colour: a channel that was clamped at black gets nothing.
    gr = select(nth(packed, 6) > ZERO, nth(totals, 0), ZERO)
    gg = select(nth(packed, 7) > ZERO, nth(totals, 1), ZERO)
    gb = select(nth(packed, 8) > ZERO, nth(totals, 2), ZERO)
    dx, dy, dz = nth(packed, 13), nth(packed, 14), nth(packed, 15)
    basis(dx, dy, dz, values)
    for k in range(terms):
        value = nth(values, k)
        red, green, blue = nth(harmonics, 3 * k), nth(harmonics, 3 * k + 1), nth(harmonics, 3 * k + 2)
        put(weights, k, gr * red + gg * green + gb * blue)
        put(harmonics, 3 * k, value * gr)
        put(harmonics, 3 * k + 1, value * gg)
        put(harmonics, 3 * k + 2, value * gb)
    for k in range(terms, HARMONICS):
        put(weights, k, lanes_of(ZERO))
        for channel in range(3):
            put(harmonics, 3 * k + channel, lanes_of(ZERO))
    ddx, ddy, ddz = direction_gradient(dx, dy, dz, weights)
    along = ddx * dx + ddy * dy + ddz * dz
    sx, sy, sz = mx - centre[0], my - centre[1], mz - centre[2]
    norm = ONE / root(most(sx * sx + sy * sy + sz * sz, TINY))
    put(gradients, 0, c0 * dpx + c3 * dpy + c6 * dpz + (ddx - along * dx) * norm)
    put(gradients, 1, c1 * dpx + c4 * dpy + c7 * dpz + (ddy - along * dy) * norm)
    put(gradients, 2, c2 * dpx + c5 * dpy + c8 * dpz + (ddz - along * dz) * norm)


@kernel
def workspace() -> tuple[ndarray, ...]:
    """Arrays that one thread differentiates in, in the order in which :func:`differentiate` names them."""
    return (
        lines(PART * WIDTH),
        lines(WIDTH * WIDTH),
        lines(WIDTH * WIDTH),
        lines(WIDTH * WIDTH),
        lines(WIDTH * WIDTH),
        lines(WIDTH * WIDTH),
        lines(WIDTH * WIDTH),
        lines(WIDTH * WIDTH),
        lines(WIDTH * CROSSED),
    )


@inlined_kernel
def take(
    begin: Scalar,
    end: Scalar,
    packed: ndarray,
    indices: ndarray,
    slot_starts: ndarray,
    slots: ndarray,
    totals: ndarray,
    items: ndarray,
    members: ndarray,
    screen: ndarray,
) -> Scalar:
    """Sum the slots of ``indices[begin:end]``; returns how many a pixel took.

    Places (``items``), Gaussians (``members``) and ``totals`` of these come first, the others' places behind them.
    """
    count, others = 0, end - begin
    for item in range(begin, end):
        i = indices[item]
        if sum_slots(slots, slot_starts[item], slot_starts[item + 1], totals, count):
            items[count], members[count] = item, i
            count += 1
        else:
            others -= 1
            items[others] = item
            screen[item] = -ONE
    return count


@inlined_kernel
def differentiate(
    means: ndarray,
    log_scales: ndarray,
    quaternions: ndarray,
    opacity_logits: ndarray,
    sh: ndarray,
    camera: ndarray,
    centre: ndarray,
    terms: Scalar,
    packed: ndarray,
    items: ndarray,
    members: ndarray,
    begin: Scalar,
    last: Scalar,
    work: tuple[ndarray, ...],
    row: ndarray,
    starts: ndarray,
    opacity_pull: Scalar,
    screen: ndarray,
) -> None:
    """Gradients of ``members[begin:last]``, at most sixteen: rows of parameters' gradients into ``found``, those of the
    harmonics crosswise into ``crossed``; ``rows`` gets the parameters themselves.
    """
    totals, rows, lanes, seen, found, gradients, values, weights, crossed = work
    for lane in range(WIDTH):
        i = np.uint64(members[min(begin + lane, last - 1)])
        put(rows, lane, load_parameters(means, log_scales, quaternions, opacity_logits, i))
        starts[lane] = i * np.uint64(PACK)
    cross(rows, row, np.uint64(0), lanes, np.uint64(0))
    cross(packed, starts, np.uint64(0), seen, np.uint64(0))
    cross(totals, row, np.uint64(begin * WIDTH), found, np.uint64(0))
    load_harmonics(sh, members, begin, last, (3 * terms + WIDTH - 1) // WIDTH, starts, crossed)
    chain(lanes, seen, found, crossed, camera, centre, terms, values, weights, gradients, opacity_pull)
    cross(gradients, row, np.uint64(0), found, np.uint64(0))
    for lane in range(last - begin):
        screen[items[begin + lane]] = found[lane * WIDTH + SCREEN]


@parallel_kernel
def project_backward(
    means: ndarray,
    log_scales: ndarray,
    quaternions: ndarray,
    opacity_logits: ndarray,
    sh: ndarray,
    camera: ndarray,
    centre: ndarray,
    degree: int,
    packed: ndarray,
    indices: ndarray,
    slot_starts: ndarray,
    slots: ndarray,
    d_means: ndarray,
    d_log_scales: ndarray,
    d_quaternions: ndarray,
    d_opacity_logits: ndarray,
    d_sh: ndarray,
    screen: ndarray,
) -> None:
    """Gradients of the visible Gaussians, one row each in the order of ``indices``.

    ``screen`` gets the norm of the gradient of the screen mean in half-image units (3DGS, section 5.2), -1
    where no pixel took the Gaussian.
    """
    n = indices.shape[0]
    terms = (degree + 1) * (degree + 1)
    stored = 3 * d_sh.shape[1]
    for part in prange((n + PART - 1) // PART):
        work, row, starts = workspace(), row_starts(), row_starts()
        totals, found, crossed = work[0], work[4], work[8]
        flat_d_sh = d_sh.reshape(-1)
        items, members = np.empty(PART, np.int64), np.empty(PART, np.int64)
        first, end = part * PART, min(n, (part + 1) * PART)
        count = take(first, end, packed, indices, slot_starts, slots, totals, items, members, screen)
        for at in range(count, end - first):
            item = np.uint64(items[at])
            store_parameters(d_means, d_log_scales, d_quaternions, d_opacity_logits, item, lanes_of(ZERO))
            for k in range(stored):
                flat_d_sh[items[at] * stored + k] = ZERO
        for begin in range(0, count, WIDTH):
            last = min(begin + WIDTH, count)
            differentiate(
                means,
                log_scales,
                quaternions,
                opacity_logits,
                sh,
                camera,
                centre,
                terms,
                packed,
                items,
                members,
                begin,
                last,
                work,
                row,
                starts,
                ZERO,
                screen,
            )
            for lane in range(last - begin):
                item = items[begin + lane]
                store_parameters(
                    d_means, d_log_scales, d_quaternions, d_opacity_logits, np.uint64(item), nth(found, lane)
                )
                for k in range(stored):
                    flat_d_sh[item * stored + k] = crossed[k * WIDTH + lane]

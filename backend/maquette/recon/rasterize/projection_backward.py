"""From a Gaussian's slots to gradients of its five parameters: the chain rule of :mod:`projection`, by hand.

With K the inverse screen covariance, M2 = sum v d d^T and m1 = sum v d over its pixels: dL/dmean = K m1 and
dL/dSigma = K M2 K / 2 (gsplat technical report, Ye & Kanazawa 2023, section 4).
"""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy import ndarray

from maquette.recon.rasterize.compiled import parallel_kernel
from maquette.recon.rasterize.harmonics import basis, direction_gradient
from maquette.recon.rasterize.projection import LOW_PASS, ONE, TWO, ZERO, rotation

PART = 256
FOUR = np.float32(4.0)


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
    d_screen: ndarray,
    d_screen_absolute: ndarray,
) -> None:
    """Gradients of the visible Gaussians, one row each in the order of ``indices``.

    ``d_screen`` gets the norm of the gradient of the screen mean in half-image units (3DGS, section 5.2),
    ``d_screen_absolute`` that of the sums of the slots' absolute gradients; both -1 where no pixel took the Gaussian.
    """
    n = indices.shape[0]
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
    t0, t1 = camera[9], camera[10]
    fx, fy = camera[12], camera[13]
    half_width, half_height = camera[16] / TWO, camera[17] / TWO
    lim_xp, lim_xn, lim_yp, lim_yn = camera[18], camera[19], camera[20], camera[21]
    terms = (degree + 1) * (degree + 1)
    stored = d_sh.shape[1]
    for part in prange((n + PART - 1) // PART):
        values = np.empty(16, np.float32)
        weights = np.empty(16, np.float32)
        total = np.empty(9, np.float32)
        for item in range(part * PART, min(n, (part + 1) * PART)):
            i = indices[item]
            for k in range(9):
                total[k] = ZERO
            for slot in range(slot_starts[item], slot_starts[item + 1]):
                for k in range(9):
                    total[k] += slots[slot, k]
            d_depth = ZERO
            if slots.shape[1] > 9:
                for slot in range(slot_starts[item], slot_starts[item + 1]):
                    d_depth += slots[slot, 9]
            gr, gg, gb, v = total[0], total[1], total[2], total[3]
            touched = abs(gr) + abs(gg) + abs(gb) + abs(v) + abs(d_depth)
            if touched == ZERO:
                d_screen[item] = -ONE
                d_screen_absolute[item] = -ONE
                d_opacity_logits[item] = ZERO
                for k in range(3):
                    d_means[item, k] = ZERO
                    d_log_scales[item, k] = ZERO
                for k in range(4):
                    d_quaternions[item, k] = ZERO
                for k in range(stored):
                    for channel in range(3):
                        d_sh[item, k, channel] = ZERO
                continue

            d_opacity_logits[item] = v * (ONE - np.exp2(packed[i, 5]))

            # The forward values that are cheaper to have again than to keep.
            mx, my, mz = means[i, 0], means[i, 1], means[i, 2]
            px = c0 * mx + c1 * my + c2 * mz + t0
            py = c3 * mx + c4 * my + c5 * mz + t1
            rz = ONE / packed[i, 9]
            x_slope, y_slope = px * rz, py * rz
            xr = min(lim_xp, max(-lim_xn, x_slope))
            yr = min(lim_yp, max(-lim_yn, y_slope))
            jx, jy = fx * rz, fy * rz
            e00, e01, e02 = c0 - xr * c6, c1 - xr * c7, c2 - xr * c8
            e10, e11, e12 = c3 - yr * c6, c4 - yr * c7, c5 - yr * c8
            b00, b01, b02 = jx * e00, jx * e01, jx * e02
            b10, b11, b12 = jy * e10, jy * e11, jy * e12
            qw, qx, qy, qz = quaternions[i, 0], quaternions[i, 1], quaternions[i, 2], quaternions[i, 3]
            norm = ONE / np.sqrt(max(qw * qw + qx * qx + qy * qy + qz * qz, np.float32(1e-24)))
            qw, qx, qy, qz = qw * norm, qx * norm, qy * norm, qz * norm
            r00, r01, r02, r10, r11, r12, r20, r21, r22 = rotation(qw, qx, qy, qz)
            s0, s1, s2 = np.exp(log_scales[i, 0]), np.exp(log_scales[i, 1]), np.exp(log_scales[i, 2])
            m00, m01, m02 = r00 * s0, r01 * s1, r02 * s2
            m10, m11, m12 = r10 * s0, r11 * s1, r12 * s2
            m20, m21, m22 = r20 * s0, r21 * s1, r22 * s2
            a00 = b00 * m00 + b01 * m10 + b02 * m20
            a01 = b00 * m01 + b01 * m11 + b02 * m21
            a02 = b00 * m02 + b01 * m12 + b02 * m22
            a10 = b10 * m00 + b11 * m10 + b12 * m20
            a11 = b10 * m01 + b11 * m11 + b12 * m21
            a12 = b10 * m02 + b11 * m12 + b12 * m22

            # Sigma = A A^T, K its inverse, G = K M2 K / 2, dA = 2 G A. In double precision: for a needle, what moves
            # its long axis is a small remainder of large numbers.
            x0, x1, x2 = np.float64(a00), np.float64(a01), np.float64(a02)
            y0, y1, y2 = np.float64(a10), np.float64(a11), np.float64(a12)
            sxx, syy = x0 * x0 + x1 * x1 + x2 * x2, y0 * y0 + y1 * y1 + y2 * y2
            sxy = x0 * y0 + x1 * y1 + x2 * y2
            k0, k1, k2 = x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0
            low = np.float64(LOW_PASS)
            inverse = np.float64(1.0) / (k0 * k0 + k1 * k1 + k2 * k2 + low * (sxx + syy) + low * low)
            kxx, kxy, kyy = (syy + low) * inverse, -sxy * inverse, (sxx + low) * inverse
            m2xx, m2xy, m2yy = np.float64(total[6]), np.float64(total[7]), np.float64(total[8])
            w00, w01 = m2xx * kxx + m2xy * kxy, m2xx * kxy + m2xy * kyy
            w10, w11 = m2xy * kxx + m2yy * kxy, m2xy * kxy + m2yy * kyy
            gxx, gxy, gyy = kxx * w00 + kxy * w10, kxx * w01 + kxy * w11, kxy * w01 + kyy * w11
            da00, da01, da02 = (
                np.float32(gxx * x0 + gxy * y0),
                np.float32(gxx * x1 + gxy * y1),
                np.float32(gxx * x2 + gxy * y2),
            )
            da10, da11, da12 = (
                np.float32(gxy * x0 + gyy * y0),
                np.float32(gxy * x1 + gyy * y1),
                np.float32(gxy * x2 + gyy * y2),
            )
            du = np.float32(kxx * total[4] + kxy * total[5])
            dv = np.float32(kxy * total[4] + kyy * total[5])
            hx, hy = du * half_width, dv * half_height
            d_screen[item] = np.sqrt(hx * hx + hy * hy)
            hx, hy = ZERO, ZERO
            for slot in range(slot_starts[item], slot_starts[item + 1]):
                hx += abs(np.float32(kxx * slots[slot, 4] + kxy * slots[slot, 5]))
                hy += abs(np.float32(kxy * slots[slot, 4] + kyy * slots[slot, 5]))
            hx, hy = hx * half_width, hy * half_height
            d_screen_absolute[item] = np.sqrt(hx * hx + hy * hy)
            # A = B M
            dm00, dm01, dm02 = b00 * da00 + b10 * da10, b00 * da01 + b10 * da11, b00 * da02 + b10 * da12
            dm10, dm11, dm12 = b01 * da00 + b11 * da10, b01 * da01 + b11 * da11, b01 * da02 + b11 * da12
            dm20, dm21, dm22 = b02 * da00 + b12 * da10, b02 * da01 + b12 * da11, b02 * da02 + b12 * da12
            d_log_scales[item, 0] = dm00 * m00 + dm10 * m10 + dm20 * m20
            d_log_scales[item, 1] = dm01 * m01 + dm11 * m11 + dm21 * m21
            d_log_scales[item, 2] = dm02 * m02 + dm12 * m12 + dm22 * m22
            # M = R S, then R of the unit quaternion, then its normalisation
            d00, d01, d02 = dm00 * s0, dm01 * s1, dm02 * s2
            d10, d11, d12 = dm10 * s0, dm11 * s1, dm12 * s2
            d20, d21, d22 = dm20 * s0, dm21 * s1, dm22 * s2
            dqw = TWO * (qx * (d21 - d12) + qy * (d02 - d20) + qz * (d10 - d01))
            dqx = TWO * (qw * (d21 - d12) + qy * (d01 + d10) + qz * (d02 + d20)) - FOUR * qx * (d11 + d22)
            dqy = TWO * (qw * (d02 - d20) + qx * (d01 + d10) + qz * (d12 + d21)) - FOUR * qy * (d00 + d22)
            dqz = TWO * (qw * (d10 - d01) + qx * (d02 + d20) + qy * (d12 + d21)) - FOUR * qz * (d00 + d11)
            along = qw * dqw + qx * dqx + qy * dqy + qz * dqz
            d_quaternions[item, 0] = (dqw - along * qw) * norm
            d_quaternions[item, 1] = (dqx - along * qx) * norm
            d_quaternions[item, 2] = (dqy - along * qy) * norm
            d_quaternions[item, 3] = (dqz - along * qz) * norm

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
            d_xr = d_xr if xr == x_slope else ZERO
            d_yr = d_yr if yr == y_slope else ZERO
            # x/z also moves the screen mean, u = fx x/z + cx
            d_xs, d_ys = d_xr + fx * du, d_yr + fy * dv
            dpx, dpy = d_xs * rz, d_ys * rz
            dpz = d_depth - rz * (d_xs * x_slope + d_ys * y_slope + d_jx * jx + d_jy * jy)
            dmx = c0 * dpx + c3 * dpy + c6 * dpz
            dmy = c1 * dpx + c4 * dpy + c7 * dpz
            dmz = c2 * dpx + c5 * dpy + c8 * dpz

            # Colour: a channel that was clamped at black gets nothing.
            gr = gr if packed[i, 6] > ZERO else ZERO
            gg = gg if packed[i, 7] > ZERO else ZERO
            gb = gb if packed[i, 8] > ZERO else ZERO
            dx, dy, dz = mx - centre[0], my - centre[1], mz - centre[2]
            norm = ONE / np.sqrt(max(dx * dx + dy * dy + dz * dz, np.float32(1e-24)))
            dx, dy, dz = dx * norm, dy * norm, dz * norm
            basis(degree, dx, dy, dz, values)
            for k in range(terms):
                weights[k] = gr * sh[i, k, 0] + gg * sh[i, k, 1] + gb * sh[i, k, 2]
                d_sh[item, k, 0] = values[k] * gr
                d_sh[item, k, 1] = values[k] * gg
                d_sh[item, k, 2] = values[k] * gb
            for k in range(terms, stored):
                for channel in range(3):
                    d_sh[item, k, channel] = ZERO
            ddx, ddy, ddz = direction_gradient(degree, dx, dy, dz, weights)
            along = ddx * dx + ddy * dy + ddz * dz
            d_means[item, 0] = dmx + (ddx - along * dx) * norm
            d_means[item, 1] = dmy + (ddy - along * dy) * norm
            d_means[item, 2] = dmz + (ddz - along * dz) * norm

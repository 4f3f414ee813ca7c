"""A step of training down the gradient: backward pass and Adam in one, so that gradients never go through memory.

The same as :func:`maquette.recon.rasterize.backward` and :func:`maquette.recon.optimizer.adam_step` one after the
other, but for the harmonics above the degree in use: they rest, where their moments would fade.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from numba import prange
from numpy import ndarray

from maquette.recon.gaussians import Gaussians
from maquette.recon.optimizer import BETA1, BETA2, LearningRates, Moments, advance
from maquette.recon.rasterize import Frame, ScreenGradients
from maquette.recon.rasterize.compiled import Scalar, inlined_kernel, parallel_kernel
from maquette.recon.rasterize.frame import unblended
from maquette.recon.rasterize.lane_functions import root
from maquette.recon.rasterize.lanes import WIDTH, load, store, will_write
from maquette.recon.rasterize.projection import ONE
from maquette.recon.rasterize.projection_backward import PART, differentiate, take, workspace
from maquette.recon.rasterize.rows import CROSSED, cross, load_parameters, nth, row_starts, store_parameters
from maquette.recon.rasterize.scratch import Scratch


def descend(
    frame: Frame,
    gaussians: Gaussians,
    moments: Moments,
    rates: LearningRates,
    image_gradient: Float32[ndarray, "3 h w"],
    *,
    opacity_weight: float = 0.0,
    depth: Float32[ndarray, "h w"] | None = None,
    depth_gradient: Float32[ndarray, "h w"] | None = None,
    scratch: Scratch | None = None,
) -> ScreenGradients:
    """Move the Gaussians that a pixel of ``frame`` took one step of Adam, in place.

    ``image_gradient``, ``depth`` and ``depth_gradient`` as in :func:`~maquette.recon.rasterize.backward`, ``rates`` and
    ``opacity_weight`` as in :func:`~maquette.recon.optimizer.adam_step`. With ``scratch``, what is returned lives until
    the next call with it.
    """
    scratch = scratch or Scratch()
    slots = unblended(frame, image_gradient, depth, depth_gradient, scratch)
    visible = len(frame.indices)
    found = ScreenGradients(
        indices=frame.indices,
        screen=scratch.empty("d_screen", (visible,)),
    )
    means, log_scales, quaternions, opacity_logits, base, rest, epsilon = advance(moments, rates)
    stored = 3 * gaussians.sh.shape[1]
    steps = [means] * 3 + [log_scales] * 3 + [quaternions] * 4 + [opacity_logits] + [0.0] * 5
    parameters, first, second = (
        (part.means, part.log_scales, part.quaternions, part.opacity_logits, part.sh)
        for part in (gaussians, moments.first, moments.second)
    )
    _descend(
        *parameters,
        *first,
        *second,
        frame.packed_camera,
        frame.camera.centre.astype(np.float32),
        frame.sh_degree,
        frame.packed,
        frame.indices,
        frame.slot_starts,
        slots,
        np.array(steps + [base] * 3 + [rest] * (stored - 3), np.float32),
        np.float32(epsilon),
        np.float32(opacity_weight / max(1, visible)),
        found.screen,
    )
    return found


@inlined_kernel
def expect(means: ndarray, log_scales: ndarray, quaternions: ndarray, i: Scalar) -> None:
    """Ask for what will be written of Gaussian ``i``."""
    will_write(means, i * np.uint64(3))
    will_write(log_scales, i * np.uint64(3))
    will_write(quaternions, i * np.uint64(4))


@inlined_kernel
def moved(
    parameter: Scalar, first: Scalar, second: Scalar, gradient: Scalar, step: Scalar, epsilon: Scalar
) -> tuple[Scalar, Scalar, Scalar]:
    """A parameter and its moments after a step of Adam."""
    m = BETA1 * first + (ONE - BETA1) * gradient
    v = BETA2 * second + (ONE - BETA2) * gradient * gradient
    return parameter - step * m / (root(v) + epsilon), m, v


@parallel_kernel
def _descend(
    means: ndarray,
    log_scales: ndarray,
    quaternions: ndarray,
    opacity_logits: ndarray,
    sh: ndarray,
    m_means: ndarray,
    m_log_scales: ndarray,
    m_quaternions: ndarray,
    m_opacity_logits: ndarray,
    m_sh: ndarray,
    v_means: ndarray,
    v_log_scales: ndarray,
    v_quaternions: ndarray,
    v_opacity_logits: ndarray,
    v_sh: ndarray,
    camera: ndarray,
    centre: ndarray,
    degree: int,
    packed: ndarray,
    indices: ndarray,
    slot_starts: ndarray,
    slots: ndarray,
    steps: ndarray,
    epsilon: float,
    opacity_pull: float,
    screen: ndarray,
) -> None:
    """``steps`` has a row for the parameters and then a number for each of a Gaussian's harmonics."""
    n = indices.shape[0]
    terms = (degree + 1) * (degree + 1)
    vectors = (3 * terms + WIDTH - 1) // WIDTH
    stored = 3 * sh.shape[1]
    for part in prange((n + PART - 1) // PART):
        work, row, starts = workspace(), row_starts(), row_starts()
        totals, rows, found, crossed = work[0], work[1], work[4], work[8]
        items, members = np.empty(PART, np.int64), np.empty(PART, np.int64)
        first, end = part * PART, min(n, (part + 1) * PART)
        count = take(first, end, packed, indices, slot_starts, slots, totals, items, members, screen)
        # What the next Gaussians' steps read and write is asked for a little at a time: all at once would be refused.
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
                opacity_pull,
                screen,
            )
            for lane in range(last - begin):
                i = np.uint64(members[begin + lane])
                ahead = np.uint64(members[min(begin + lane + 2 * WIDTH, count - 1)])
                expect(means, log_scales, quaternions, ahead)
                expect(m_means, m_log_scales, m_quaternions, ahead)
                expect(v_means, v_log_scales, v_quaternions, ahead)
                p, m, v = moved(
                    nth(rows, lane),
                    load_parameters(m_means, m_log_scales, m_quaternions, m_opacity_logits, i),
                    load_parameters(v_means, v_log_scales, v_quaternions, v_opacity_logits, i),
                    nth(found, lane),
                    load(steps, np.uint64(0)),
                    epsilon,
                )
                store_parameters(means, log_scales, quaternions, opacity_logits, i, p)
                store_parameters(m_means, m_log_scales, m_quaternions, m_opacity_logits, i, m)
                store_parameters(v_means, v_log_scales, v_quaternions, v_opacity_logits, i, v)
            if stored == CROSSED:
                for vector in range(vectors):
                    cross(crossed, row, np.uint64(vector * WIDTH * WIDTH), found, np.uint64(0))
                    step = nth(steps, 1 + vector)
                    for lane in range(last - begin):
                        at = np.uint64(members[begin + lane] * CROSSED + vector * WIDTH)
                        p, m, v = moved(load(sh, at), load(m_sh, at), load(v_sh, at), nth(found, lane), step, epsilon)
                        store(sh, at, p)
                        store(m_sh, at, m)
                        store(v_sh, at, v)
                        ahead = np.uint64(members[min(begin + lane + WIDTH, count - 1)] * CROSSED + vector * WIDTH)
                        will_write(sh, ahead)
                        will_write(m_sh, ahead)
                        will_write(v_sh, ahead)
            else:
                for lane in range(last - begin):
                    i = members[begin + lane]
                    for k in range(3 * terms):
                        g = crossed[k * WIDTH + lane]
                        m = BETA1 * m_sh[i, k // 3, k % 3] + (ONE - BETA1) * g
                        v = BETA2 * v_sh[i, k // 3, k % 3] + (ONE - BETA2) * g * g
                        m_sh[i, k // 3, k % 3] = m
                        v_sh[i, k // 3, k % 3] = v
                        sh[i, k // 3, k % 3] -= steps[WIDTH + k] * m / (np.sqrt(v) + epsilon)

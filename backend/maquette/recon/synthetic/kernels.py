"""Compiled rays: what they hit, what light arrives there, and which colour a pixel gets.

A surface is numbered: 0 plaza, 1 lawn, then six faces a box (+x -x +y -y +z -z), then one a sphere. Boxes and
spheres are the rows of :meth:`Diorama.box_rows` and :meth:`Diorama.sphere_rows`. (u, v) run from 0 to 1.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from math import floor, log2, sqrt
from typing import ParamSpec, TypeVar

import numpy as np
from numba import njit
from numpy import ndarray

FAR = 1e9
_P = ParamSpec("_P")
_R = TypeVar("_R")


def compiled(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function as machine code that other threads may run beside."""
    # Tests wrap every function of `recon` in a type checker, which numba cannot compile: unwrap first.
    made: Callable[_P, _R] = njit(cache=True, nogil=True, error_model="numpy")(inspect.unwrap(function))
    return made


@compiled
def _box_hit(box: ndarray, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> tuple[float, int]:
    """Distance to a box and the face met first, by slabs in its own frame; FAR where missed."""
    cosine, sine = box[6], box[7]
    px, py, pz = ox - box[0], oy - box[1], oz - box[2]
    origin = (cosine * px + sine * py, cosine * py - sine * px, pz)
    direction = (cosine * dx + sine * dy, cosine * dy - sine * dx, dz)
    enter, leave, face = -FAR, FAR, -1
    for axis in range(3):
        o, d, half = origin[axis], direction[axis], box[3 + axis]
        if abs(d) < 1e-12:
            if abs(o) > half:
                return FAR, -1
        else:
            near, far = (-half - o) / d, (half - o) / d
            side = 2 * axis + 1
            if near > far:
                near, far = far, near
                side = 2 * axis
            if near > enter:
                enter, face = near, side
            leave = min(leave, far)
    if enter > leave or enter < 1e-6:
        return FAR, -1
    return enter, face


@compiled
def _sphere_hit(ball: ndarray, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> float:
    """Distance to a sphere along a unit direction; FAR where missed."""
    px, py, pz = ox - ball[0], oy - ball[1], oz - ball[2]
    b = px * dx + py * dy + pz * dz
    root = b * b - (px * px + py * py + pz * pz) + ball[3] * ball[3]
    if root < 0:
        return FAR
    t = -b - sqrt(root)
    return t if t > 1e-6 else FAR


@compiled
def _first_hit(
    boxes: ndarray,
    balls: ndarray,
    plaza_side: float,
    lawn_side: float,
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
) -> tuple[float, int, float, float, float]:
    """Distance, surface, u, v and cosine of incidence of what a ray meets first; surface -1 for the sky."""
    t, surface, u, v, cosine = FAR, -1, 0.0, 0.0, 1.0
    if dz < -1e-9 and oz > 0:
        t = -oz / dz
        x, y = ox + t * dx, oy + t * dy
        half = plaza_side / 2
        surface = 0 if abs(x) < half and abs(y) < half else 1
        side = plaza_side if surface == 0 else lawn_side
        u, v, cosine = x / side + 0.5, y / side + 0.5, -dz
    for i in range(len(boxes)):
        near, face = _box_hit(boxes[i], ox, oy, oz, dx, dy, dz)
        if near < t:
            t, surface = near, 2 + 6 * i + face
            c, s = boxes[i, 6], boxes[i, 7]
            px, py = ox + t * dx - boxes[i, 0], oy + t * dy - boxes[i, 1]
            x = (c * px + s * py) / boxes[i, 3]
            y = (c * py - s * px) / boxes[i, 4]
            z = (oz + t * dz - boxes[i, 2]) / boxes[i, 5]
            if face < 2:
                u, v, cosine = 0.5 + 0.5 * y, 0.5 - 0.5 * z, abs(c * dx + s * dy)
            elif face < 4:
                u, v, cosine = 0.5 + 0.5 * x, 0.5 - 0.5 * z, abs(c * dy - s * dx)
            else:
                u, v, cosine = 0.5 + 0.5 * x, 0.5 + 0.5 * y, abs(dz)
    for i in range(len(balls)):
        near = _sphere_hit(balls[i], ox, oy, oz, dx, dy, dz)
        if near < t:
            t, surface = near, 2 + 6 * len(boxes) + i
            r = balls[i, 3]
            nx, ny = (ox + t * dx - balls[i, 0]) / r, (oy + t * dy - balls[i, 1]) / r
            nz = (oz + t * dz - balls[i, 2]) / r
            # Lambert's azimuthal equal-area map from the top: its one pole is where the ball touches the ground.
            spread = sqrt(2.0 / max(1 + nz, 1e-9)) / 4
            u, v = min(max(0.5 + spread * nx, 0.0), 1.0), min(max(0.5 + spread * ny, 0.0), 1.0)
            cosine = max(0.05, -(nx * dx + ny * dy + nz * dz))
    return t, surface, u, v, cosine


@compiled
def light(
    boxes: ndarray, balls: ndarray, points: ndarray, normals: ndarray, sun: ndarray, sky: ndarray, out: ndarray
) -> None:
    """Shares of sun (times its cosine) and sky that reach each point: ``out`` (n, 2).

    ``sun`` (m, 3) world directions spread over its disc; ``sky`` (k, 3) cosine-weighted about +z, turned to each
    normal. A point is lifted off its surface by a hair.
    """
    for i in range(len(points)):
        nx, ny, nz = normals[i]
        ox, oy, oz = points[i, 0] + 1e-3 * nx, points[i, 1] + 1e-3 * ny, points[i, 2] + 1e-3 * nz
        # Duff et al. 2017, "Building an orthonormal basis, revisited"
        sign = 1.0 if nz >= 0 else -1.0
        a = -1.0 / (sign + nz)
        b = nx * ny * a
        total = 0.0
        for j in range(len(sun)):
            cosine = nx * sun[j, 0] + ny * sun[j, 1] + nz * sun[j, 2]
            if cosine > 0 and not _blocked(boxes, balls, ox, oy, oz, sun[j, 0], sun[j, 1], sun[j, 2]):
                total += cosine
        out[i, 0] = total / len(sun)
        total = 0.0
        for j in range(len(sky)):
            x, y, z = sky[j]
            dx = x * (1 + sign * nx * nx * a) + y * b + z * nx
            dy = x * sign * b + y * (sign + ny * ny * a) + z * ny
            dz = -x * sign * nx - y * ny + z * nz
            if not _blocked(boxes, balls, ox, oy, oz, dx, dy, dz):
                total += 1.0 if dz > 0 else 0.35  # the lit ground sends some light back up
        out[i, 1] = total / len(sky)


@compiled
def _blocked(boxes: ndarray, balls: ndarray, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> bool:
    for i in range(len(boxes)):
        if _box_hit(boxes[i], ox, oy, oz, dx, dy, dz)[0] < FAR:
            return True
    for i in range(len(balls)):  # noqa: SIM110 - numba compiles no generator expressions
        if _sphere_hit(balls[i], ox, oy, oz, dx, dy, dz) < FAR:
            return True
    return False


@compiled
def render(
    boxes: ndarray,
    balls: ndarray,
    plaza_side: float,
    lawn_side: float,
    texels: ndarray,
    levels: ndarray,
    texels_per_unit: ndarray,
    centre: ndarray,
    rotation: ndarray,
    intrinsics: ndarray,
    samples: int,
    sky: ndarray,
    out: ndarray,
) -> None:
    """Fill ``out`` (h, w, 3) uint8 with ``samples`` squared rays a pixel.

    ``texels`` (n, 3) uint8 sRGB holds every picture of every surface; ``levels`` (surface, level, 3) says where:
    offset, width, height. The level whose texel is nearest to a ray's footprint is read bilinearly.
    ``rotation`` is world from camera, ``intrinsics`` fx, fy, cx, cy.
    """
    fx, fy, cx, cy = intrinsics
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            red, green, blue = 0.0, 0.0, 0.0
            for sample in range(samples * samples):
                x = (column + (sample % samples + 0.5) / samples - cx) / fx
                y = (row + (sample // samples + 0.5) / samples - cy) / fy
                length = sqrt(x * x + y * y + 1)
                dx = (rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2]) / length
                dy = (rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2]) / length
                dz = (rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2]) / length
                t, surface, u, v, cosine = _first_hit(
                    boxes, balls, plaza_side, lawn_side, centre[0], centre[1], centre[2], dx, dy, dz
                )
                if surface < 0:
                    red, green, blue = red + sky[0], green + sky[1], blue + sky[2]
                    continue
                footprint = t / (fx * samples) / sqrt(cosine) * texels_per_unit[surface]
                level = min(max(floor(log2(footprint) + 0.5), 0), levels.shape[1] - 1)
                offset, width, height = levels[surface, level]
                u, v = abs(u) % 2.0, abs(v) % 2.0  # past its edge the lawn is mirrored
                u, v = (2.0 - u if u > 1.0 else u), (2.0 - v if v > 1.0 else v)
                s = min(max(u * width - 0.5, 0.0), width - 1.0)
                r = min(max(v * height - 0.5, 0.0), height - 1.0)
                left, top = int(s), int(r)
                right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
                s, r = s - left, r - top
                a, b = offset + top * width + left, offset + top * width + right
                c, d = offset + bottom * width + left, offset + bottom * width + right
                wa, wb, wc, wd = (1 - s) * (1 - r), s * (1 - r), (1 - s) * r, s * r
                red += wa * texels[a, 0] + wb * texels[b, 0] + wc * texels[c, 0] + wd * texels[d, 0]
                green += wa * texels[a, 1] + wb * texels[b, 1] + wc * texels[c, 1] + wd * texels[d, 1]
                blue += wa * texels[a, 2] + wb * texels[b, 2] + wc * texels[c, 2] + wd * texels[d, 2]
            share = 1.0 / (samples * samples)
            out[row, column, 0] = np.uint8(red * share + 0.5)
            out[row, column, 1] = np.uint8(green * share + 0.5)
            out[row, column, 2] = np.uint8(blue * share + 0.5)


@compiled
def depth(
    boxes: ndarray,
    balls: ndarray,
    plaza_side: float,
    lawn_side: float,
    centre: ndarray,
    rotation: ndarray,
    intrinsics: ndarray,
    out: ndarray,
) -> None:
    """Fill ``out`` (h, w) float32 with depth along the camera's z through pixel centres; 0 where the sky is."""
    fx, fy, cx, cy = intrinsics
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            x, y = (column + 0.5 - cx) / fx, (row + 0.5 - cy) / fy
            length = sqrt(x * x + y * y + 1)
            dx = (rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2]) / length
            dy = (rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2]) / length
            dz = (rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2]) / length
            t, surface, _, _, _ = _first_hit(
                boxes, balls, plaza_side, lawn_side, centre[0], centre[1], centre[2], dx, dy, dz
            )
            out[row, column] = t / length if surface >= 0 else 0.0

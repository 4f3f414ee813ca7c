"""Kernels that give a filled raster its colours: mip-mapped textures, vertex colours, a head light, edges as lines."""

from __future__ import annotations

import math

import numpy as np
from numba import prange
from numpy import ndarray

from maquette.recon.mesh.raster_fill import edge_at
from maquette.recon.rasterize.compiled import Scalar, inlined_kernel, parallel_kernel

AMBIENT = 0.4
"""Share of the head light that reaches a surface seen from the side."""
_FADE_PX = 7.0
"""Triangles lower than this on screen draw fainter edges, so that fine meshes show their shape and not their lines."""


@inlined_kernel
def _add_level(texels: ndarray, level: ndarray, u: Scalar, v: Scalar, share: Scalar, color: ndarray) -> None:
    """Add ``share`` of the bilinear colour at (u, v), v up, of one level: offset, width, height."""
    width, height = level[1], level[2]
    x = min(max(u * width - 0.5, 0.0), width - 1.0)
    y = min(max((1.0 - v) * height - 0.5, 0.0), height - 1.0)
    left, top = int(x), int(y)
    right, low = min(left + 1, width - 1), min(top + 1, height - 1)
    fx, fy = x - left, y - top
    for c in range(3):
        above = (1 - fx) * texels[level[0] + top * width + left, c] + fx * texels[level[0] + top * width + right, c]
        below = (1 - fx) * texels[level[0] + low * width + left, c] + fx * texels[level[0] + low * width + right, c]
        color[c] += share * ((1 - fy) * above + fy * below)


@inlined_kernel
def _add_texture(
    p: ndarray, q: ndarray, r: ndarray, a: Scalar, b: Scalar, c: Scalar, uvs: ndarray, corners: ndarray,
    texels: ndarray, levels: ndarray, color: ndarray,
) -> None:  # fmt: skip
    """Add the trilinear colour of the texture. Its footprint follows from the edge functions, which are linear."""
    total = a + b + c
    u0, u1, u2 = uvs[corners[0], 0], uvs[corners[1], 0], uvs[corners[2], 0]
    v0, v1, v2 = uvs[corners[0], 1], uvs[corners[1], 1], uvs[corners[2], 1]
    u, v = (a * u0 + b * u1 + c * u2) / total, (a * v0 + b * v1 + c * v2) / total
    width, height = levels[0, 1], levels[0, 2]
    ux = width * (p[0] * (u0 - u) + q[0] * (u1 - u) + r[0] * (u2 - u)) / total
    uy = width * (p[1] * (u0 - u) + q[1] * (u1 - u) + r[1] * (u2 - u)) / total
    vx = height * (p[0] * (v0 - v) + q[0] * (v1 - v) + r[0] * (v2 - v)) / total
    vy = height * (p[1] * (v0 - v) + q[1] * (v1 - v) + r[1] * (v2 - v)) / total
    # Seen from the side the footprint is long: its mean radius keeps what the long side would blur, within limits.
    longest = math.sqrt(max(ux * ux + vx * vx, uy * uy + vy * vy))
    texels_across = max(math.sqrt(abs(ux * vy - uy * vx)), 0.5 * longest)
    lod = min(max(math.log2(max(texels_across, 1e-6)), 0.0), levels.shape[0] - 1.0)
    lower = int(lod)
    upper = min(lower + 1, levels.shape[0] - 1)
    _add_level(texels, levels[lower], u, v, 1.0 - (lod - lower), color)
    if upper > lower and lod > lower:
        _add_level(texels, levels[upper], u, v, lod - lower, color)


@inlined_kernel
def _light(
    a: Scalar, b: Scalar, c: Scalar, corners: ndarray, points: ndarray, normals: ndarray, x: Scalar, y: Scalar
) -> Scalar:
    """Brightness under a light at the camera: the cosine to the ray (x, y, 1), with some light from all around."""
    if normals.shape[0] > 0:
        n, m, o = normals[corners[0]], normals[corners[1]], normals[corners[2]]
        nx, ny, nz = a * n[0] + b * m[0] + c * o[0], a * n[1] + b * m[1] + c * o[1], a * n[2] + b * m[2] + c * o[2]
    else:
        s, t, w = points[corners[0]], points[corners[1]], points[corners[2]]
        ax, ay, az = t[0] - s[0], t[1] - s[1], t[2] - s[2]
        bx, by, bz = w[0] - s[0], w[1] - s[1], w[2] - s[2]
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    length = math.sqrt((nx * nx + ny * ny + nz * nz) * (x * x + y * y + 1.0))
    if length == 0.0:
        return 1.0
    return AMBIENT + (1.0 - AMBIENT) * abs(nx * x + ny * y + nz) / length


@inlined_kernel
def _line(p: ndarray, q: ndarray, r: ndarray, a: Scalar, b: Scalar, c: Scalar, samples: Scalar) -> Scalar:
    """How much of a sample an edge's line covers: one pixel of the picture wide, soft, fainter on small triangles."""
    total = a + b + c
    first = a / math.sqrt(p[0] * p[0] + p[1] * p[1])
    second = b / math.sqrt(q[0] * q[0] + q[1] * q[1])
    third = c / math.sqrt(r[0] * r[0] + r[1] * r[1])
    nearest = min(first, min(second, third)) / samples
    low = min(first * total / max(a, 1e-300), min(second * total / max(b, 1e-300), third * total / max(c, 1e-300)))
    cover = min(max(1.0 - nearest, 0.0), 1.0)
    return cover * min(max(low / samples / _FADE_PX, 0.12), 1.0)


@parallel_kernel
def paint(
    face: ndarray, planes: ndarray, faces: ndarray, points: ndarray, normals: ndarray, uvs: ndarray, texels: ndarray,
    levels: ndarray, colors: ndarray, lens: ndarray, lit: Scalar, wire: ndarray, background: ndarray, samples: Scalar,
    out: ndarray,
) -> None:  # fmt: skip
    """Colour every pixel of ``out`` by the mean of its ``samples`` x ``samples`` places in ``face``.

    Colours are those of the texture where ``uvs`` has rows, else ``colors`` by vertex. ``wire`` is the lines' colour
    and opacity, ``lens`` that of the finer raster.
    """
    for row in prange(out.shape[0]):
        color, total = np.empty(3), np.empty(3)
        for column in range(out.shape[1]):
            total[:] = 0.0
            for sample in range(samples * samples):
                y, x = row * samples + sample // samples, column * samples + sample % samples
                f = face[y, x]
                if f < 0:
                    total += background
                    continue
                p, q, r, corners = planes[f, 0], planes[f, 1], planes[f, 2], faces[f]
                a, b, c = edge_at(p, x + 0.5, y + 0.5), edge_at(q, x + 0.5, y + 0.5), edge_at(r, x + 0.5, y + 0.5)
                color[:] = 0.0
                if uvs.shape[0] > 0:
                    _add_texture(p, q, r, a, b, c, uvs, corners, texels, levels, color)
                else:
                    for k in range(3):
                        mixed = a * colors[corners[0], k] + b * colors[corners[1], k] + c * colors[corners[2], k]
                        color[k] = mixed / (a + b + c)
                if lit:
                    rx, ry = (x + 0.5 - lens[2]) / lens[0], (y + 0.5 - lens[3]) / lens[1]
                    color *= _light(a, b, c, corners, points, normals, rx, ry)
                if wire[3] > 0.0:
                    share = wire[3] * _line(p, q, r, a, b, c, samples)
                    for k in range(3):
                        color[k] += share * (wire[k] - color[k])
                total += color
            for k in range(3):
                out[row, column, k] = np.uint8(min(max(total[k] / (samples * samples) + 0.5, 0.0), 255.0))

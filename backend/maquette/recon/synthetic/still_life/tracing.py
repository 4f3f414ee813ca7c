"""Compiled rays through a still life: what they meet, and how much light arrives there.

A solid is a rounded box, or turned on a lathe: a profile of points (radius, height) with a wall, spun about its own z
axis. Rays go by steps as long as the distance to whatever is nearest (Hart 1996, "Sphere tracing"). ``solids`` and
``profile`` are those of :class:`~maquette.recon.synthetic.still_life.solids.StillLife`; world units, z up.
"""

from __future__ import annotations

from math import exp, sqrt

from numpy import ndarray

from maquette.recon.synthetic.kernels import compiled
from maquette.recon.synthetic.still_life.paints import paint

FAR = 60.0
_MOST_STEPS = 160


@compiled
def local(solid: ndarray, x: float, y: float, z: float) -> tuple[float, float, float]:
    """A direction of the world in the frame of a solid."""
    return (
        solid[6] * x + solid[9] * y + solid[12] * z,
        solid[7] * x + solid[10] * y + solid[13] * z,
        solid[8] * x + solid[11] * y + solid[14] * z,
    )


@compiled
def _distance_to(solid: ndarray, profile: ndarray, x: float, y: float, z: float) -> float:
    """Signed distance from a point to the surface of one solid."""
    x, y, z = local(solid, x - solid[3], y - solid[4], z - solid[5])
    found: float
    if solid[0] == 0.0:
        x, y, z = abs(x) - solid[15] + solid[18], abs(y) - solid[16] + solid[18], abs(z) - solid[17] + solid[18]
        outside = sqrt(max(x, 0.0) ** 2 + max(y, 0.0) ** 2 + max(z, 0.0) ** 2)
        found = outside + min(max(x, y, z), 0.0) - solid[18]
        return found
    radius, nearest = sqrt(x * x + y * y), 1e9
    for i in range(int(solid[15]), int(solid[16]) - 1):
        ax, ay = profile[i, 0], profile[i, 1]
        bx, by = profile[i + 1, 0] - ax, profile[i + 1, 1] - ay
        px, py = radius - ax, z - ay
        share = min(max((px * bx + py * by) / max(bx * bx + by * by, 1e-12), 0.0), 1.0)
        px, py = px - share * bx, py - share * by
        nearest = min(nearest, px * px + py * py)
    found = sqrt(nearest) - solid[17]
    return found


@compiled
def distance(solids: ndarray, profile: ndarray, x: float, y: float, z: float) -> tuple[float, int]:
    """Distance to the nearest solid, and its number; the balls around solids spare most of the work."""
    nearest, which = FAR, -1
    for i in range(len(solids)):
        dx, dy, dz = x - solids[i, 3], y - solids[i, 4], z - solids[i, 5]
        to_ball = sqrt(dx * dx + dy * dy + dz * dz) - solids[i, 2]
        if to_ball < nearest:
            found = to_ball if to_ball > 0.3 else _distance_to(solids[i], profile, x, y, z)
            if found < nearest:
                nearest, which = found, i
    return nearest, which


@compiled
def walk(
    solids: ndarray, profile: ndarray, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float
) -> tuple[float, int]:
    """How far a ray goes and the solid that it meets; -1 where it meets none."""
    t = 1e-3
    for _ in range(_MOST_STEPS):
        step, which = distance(solids, profile, ox + t * dx, oy + t * dy, oz + t * dz)
        if step < 2e-4 * t:
            return t, which
        t += step
        if t > FAR:
            break
    return FAR, -1


@compiled
def _sunlight(solids: ndarray, profile: ndarray, x: float, y: float, z: float, sun: ndarray) -> float:
    """Share of a broad sun that is seen, 0 to 1: by how narrowly a ray to its middle passes everything."""
    share, t = 1.0, 0.015
    for _ in range(64):
        near, _which = distance(solids, profile, x + t * sun[0], y + t * sun[1], z + t * sun[2])
        share = min(share, 0.5 + 0.5 * near / (0.085 * t))
        if share <= 0.0 or t > 5.0:
            break
        t += min(max(near, 0.008), 0.25)
    share = max(share, 0.0)
    return share * share * (3 - 2 * share)


@compiled
def _openness(
    solids: ndarray, profile: ndarray, x: float, y: float, z: float, nx: float, ny: float, nz: float
) -> float:
    """Share of the surroundings that is open, by how fast room opens along the normal (Evans 2006)."""
    hidden, weight = 0.0, 1.0
    for i in range(1, 7):
        reach = 0.05 * i * i / 2 + 0.01
        near, _which = distance(solids, profile, x + reach * nx, y + reach * ny, z + reach * nz)
        hidden += weight * max(reach - near, 0.0) / reach
        weight *= 0.72
    return exp(-0.75 * hidden)


@compiled
def _normal(solid: ndarray, profile: ndarray, x: float, y: float, z: float) -> tuple[float, float, float]:
    h = 4e-4
    nx = _distance_to(solid, profile, x + h, y, z) - _distance_to(solid, profile, x - h, y, z)
    ny = _distance_to(solid, profile, x, y + h, z) - _distance_to(solid, profile, x, y - h, z)
    nz = _distance_to(solid, profile, x, y, z + h) - _distance_to(solid, profile, x, y, z - h)
    length = max(sqrt(nx * nx + ny * ny + nz * nz), 1e-12)
    return nx / length, ny / length, nz / length


@compiled
def render(
    solids: ndarray,
    profile: ndarray,
    sun: ndarray,
    seed: int,
    centre: ndarray,
    rotation: ndarray,
    intrinsics: ndarray,
    samples: int,
    out: ndarray,
) -> None:
    """Fill ``out`` (h, w, 3) float64, linear, with ``samples`` squared rays a pixel.

    ``sun`` (3,) is the direction to it; ``rotation`` world from camera, ``intrinsics`` fx, fy, cx, cy.
    """
    fx, fy, cx, cy = intrinsics
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            for sample in range(samples * samples):
                x = (column + (sample % samples + 0.5) / samples - cx) / fx
                y = (row + (sample // samples + 0.5) / samples - cy) / fy
                length = sqrt(x * x + y * y + 1)
                dx = (rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2]) / length
                dy = (rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2]) / length
                dz = (rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2]) / length
                red, green, blue = _seen(solids, profile, sun, seed, centre[0], centre[1], centre[2], dx, dy, dz)
                # Tone curve on each ray, not on their mean: a highlight then has a smooth edge.
                out[row, column, 0] += (1 - exp(-1.12 * red)) / (samples * samples)
                out[row, column, 1] += (1 - exp(-1.12 * green)) / (samples * samples)
                out[row, column, 2] += (1 - exp(-1.12 * blue)) / (samples * samples)


@compiled
def _seen(
    solids: ndarray,
    profile: ndarray,
    sun: ndarray,
    seed: int,
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
) -> tuple[float, float, float]:
    """Linear light that comes along a ray: paint under the sun, the sky and what the table throws back, and a sheen."""
    t, which = walk(solids, profile, ox, oy, oz, dx, dy, dz)
    if which < 0:
        return 0.30, 0.27, 0.24
    solid = solids[which]
    x, y, z = ox + t * dx, oy + t * dy, oz + t * dz
    nx, ny, nz = _normal(solid, profile, x, y, z)
    lx, ly, lz = local(solid, x - solid[3], y - solid[4], z - solid[5])
    ux, uy, uz = local(solid, nx, ny, nz)
    red, green, blue, gloss = paint(int(solid[1]), seed + 101 * which, lx, ly, lz, ux, uy, uz)
    px, py, pz = x + 2e-3 * nx, y + 2e-3 * ny, z + 2e-3 * nz
    cosine = max(nx * sun[0] + ny * sun[1] + nz * sun[2], 0.0)
    direct = cosine * _sunlight(solids, profile, px, py, pz, sun) if cosine > 0.0 else 0.0
    open_share = _openness(solids, profile, px, py, pz, nx, ny, nz)
    above = open_share * (0.55 + 0.45 * nz)
    below = open_share * (0.5 - 0.5 * nz)
    # Blinn 1977: a broad sheen about the direction half way between sun and eye.
    hx, hy, hz = sun[0] - dx, sun[1] - dy, sun[2] - dz
    half = max((nx * hx + ny * hy + nz * hz) / max(sqrt(hx * hx + hy * hy + hz * hz), 1e-9), 0.0)
    sheen = gloss * half**36 * min(direct * 4.0, 1.0)
    return (
        red * (1.72 * direct + 0.46 * above + 0.26 * below) + sheen,
        green * (1.58 * direct + 0.50 * above + 0.19 * below) + sheen,
        blue * (1.36 * direct + 0.58 * above + 0.14 * below) + 0.95 * sheen,
    )

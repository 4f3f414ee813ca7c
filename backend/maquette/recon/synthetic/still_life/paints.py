"""Compiled paints: the colour of a point of a solid, by where it lies in the solid's own frame.

Patterns are drawn in space, not on a picture, so nothing is stretched and nothing has a seam; hashed numbers keep any
two places from looking alike, which is what structure-from-motion lives on.
"""

from __future__ import annotations

from enum import IntEnum
from math import atan2, cos, floor, pi, sin, sqrt

from maquette.recon.synthetic.kernels import compiled
from maquette.recon.synthetic.still_life.noise import clouds, hashed, noise, step

Shade = tuple[float, float, float, float]
"""Linear red, green and blue reflectance, and how strong the sheen is."""


class Paint(IntEnum):
    """What a solid is painted with."""

    FLOOR = 0
    TABLE = 1
    CLOTH = 2
    VASE = 3
    BOWL = 4
    ORANGE = 5
    LEMON = 6
    APPLE = 7
    BOOK_RED = 8
    BOOK_GREEN = 9
    BOOK_BLUE = 10
    BRASS = 11
    CANDLE = 12


@compiled
def paint(
    what: int, seed: int, x: float, y: float, z: float, nx: float, ny: float, nz: float
) -> tuple[float, float, float, float]:
    """The shade of a point (x, y, z) whose normal is (nx, ny, nz), in the solid's own frame."""
    if what == 0:
        mottled = 1 + 0.25 * clouds(0.7 * x, 0.7 * y, 0.0, seed, 3)
        return 0.33 * mottled, 0.30 * mottled, 0.27 * mottled, 0.0
    if what == 1:
        return _wood(seed, x, y, z)
    if what == 2:
        return _cloth(seed, x, y)
    if what == 3:
        return _porcelain(seed, x, y, z)
    if what == 4:
        return _earthenware(seed, x, y, z, nx * x + ny * y - 0.3 * nz)
    if what == 5:
        return _orange(seed, x, y, z)
    if what == 6:
        return _lemon(seed, x, y, z)
    if what == 7:
        return _apple(seed, x, y, z)
    if what == 11:
        worn = 1 + 0.3 * clouds(9 * x, 9 * y, 9 * z, seed, 3)
        return 0.55 * worn, 0.36 * worn, 0.10 * worn, 0.35
    if what == 12:
        drip = 1 + 0.10 * clouds(12 * x, 12 * y, 5 * z, seed, 3)
        return 0.83 * drip, 0.76 * drip, 0.58 * drip, 0.06
    return _book(what, seed, x, y, z, nx, ny, nz)


@compiled
def _mixed(
    a: tuple[float, float, float], b: tuple[float, float, float], share: float, gain: float, gloss: float
) -> tuple[float, float, float, float]:
    return (
        (a[0] + (b[0] - a[0]) * share) * gain,
        (a[1] + (b[1] - a[1]) * share) * gain,
        (a[2] + (b[2] - a[2]) * share) * gain,
        gloss,
    )


@compiled
def _wood(seed: int, x: float, y: float, z: float) -> tuple[float, float, float, float]:
    """Boards along x, each cut from another place of a tree."""
    board = floor(y / 0.34)
    across = y / 0.34 - board
    shift = 20 * hashed(board, 1, 0, seed)
    bent = clouds(0.9 * x + shift, 2.5 * y, 3 * z, seed, 3)
    ring = 0.5 + 0.5 * sin(26 * (y + 0.12 * bent) + 3 * bent + shift)
    fibre = clouds(3 * x + shift, 70 * y, 20 * z, seed + 5, 2)
    tone = (0.82 + 0.36 * hashed(board, 2, 0, seed)) * (1 + 0.16 * fibre)
    gap = 1 - 0.72 * (1 - step(0.0, 0.035, min(across, 1 - across)))
    return _mixed((0.46, 0.27, 0.13), (0.28, 0.14, 0.06), ring * 0.8, tone * gap, 0.05)


@compiled
def _cloth(seed: int, x: float, y: float) -> tuple[float, float, float, float]:
    """Linen with woven bands, each of whose diamonds has a colour of its own."""
    radius, angle = sqrt(x * x + y * y), atan2(y, x) / (2 * pi) + 0.5
    weave = 1 + 0.07 * clouds(40 * x, 40 * y, 0.0, seed, 2) + 0.08 * clouds(3 * x, 3 * y, 1.0, seed + 3, 3)
    base = (0.70, 0.63, 0.51)
    band = floor(radius / 0.27)
    inside = radius / 0.27 - band
    count = max(6, int(band * 5.5 + 2))
    cell = floor(angle * count)
    along = angle * count - cell
    colour = int(hashed(band, cell, 3, seed) * 5)
    ink = (0.055, 0.10, 0.26)
    if colour == 1:
        ink = (0.42, 0.08, 0.04)
    elif colour == 2:
        ink = (0.60, 0.33, 0.05)
    elif colour == 3:
        ink = (0.06, 0.24, 0.22)
    elif colour == 4:
        ink = (0.30, 0.07, 0.16)
    wide = 0.24 + 0.18 * hashed(band, cell, 4, seed)
    diamond = abs(along - 0.5) / wide + abs(inside - 0.5) / 0.40
    share = 1 - step(0.92, 1.0, diamond)
    hollow = 0.35 + 0.25 * hashed(band, cell, 5, seed)
    share *= step(hollow - 0.12, hollow, diamond) if hashed(band, cell, 6, seed) > 0.45 else 1.0
    if min(inside, 1 - inside) < 0.045:
        ink, share = (0.05, 0.07, 0.16), 0.85
    if radius > 1.61:
        ink, share = (0.40, 0.07, 0.04), 0.9
    return _mixed(base, ink, share, weave, 0.0)


@compiled
def _porcelain(seed: int, x: float, y: float, z: float) -> tuple[float, float, float, float]:
    """White, with tendrils, leaves and bands in cobalt that pooled more or less thick."""
    angle = atan2(y, x) / (2 * pi) + 0.5
    warp = 0.10 * noise(5 * x, 5 * y, 5 * z, seed)
    tendril = abs(clouds(5.2 * x + warp, 5.2 * y, 5.2 * z - warp, seed + 1, 2))
    line = 1 - step(0.035, 0.075, tendril)
    leaf = step(0.30, 0.36, noise(9 * x, 9 * y, 9 * z + 3, seed + 2)) * (1 - step(0.12, 0.3, tendril))
    blossom = step(0.42, 0.47, noise(6.5 * x + 7, 6.5 * y, 6.5 * z, seed + 4))
    share = max(line, leaf, blossom)
    if z < 0.17 or 0.83 < z < 0.99:
        count = 14 if z < 0.17 else 11
        cell = floor(angle * count)
        along = abs(angle * count - cell - 0.5) * 2
        rise = z / 0.17 if z < 0.17 else (z - 0.83) / 0.16
        share = 1 - step(-0.06, 0.06, along - (1 - rise) * (0.7 + 0.5 * hashed(cell, count, 0, seed)))
    for band in (0.19, 0.215, 0.805, 1.005, 1.03, 1.21):
        if abs(z - band) < 0.008:
            share = 1.0
    pooled = 0.75 + 0.5 * clouds(7 * x, 7 * y, 7 * z, seed + 6, 3)
    shade = _mixed((0.82, 0.83, 0.80), (0.02, 0.055, 0.30), share * min(max(pooled, 0.45), 1.0), 1.0, 0.30)
    speck = 1 + 0.05 * clouds(6 * x, 6 * y, 6 * z, seed + 8, 3)
    return shade[0] * speck, shade[1] * speck, shade[2] * speck, shade[3]


@compiled
def _earthenware(seed: int, x: float, y: float, z: float, outward: float) -> tuple[float, float, float, float]:
    """Bare clay below, a glaze that ran down from the rim, strokes of slip; inside, all glazed."""
    angle = atan2(y, x)
    mottled = 1 + 0.18 * clouds(9 * x, 9 * y, 9 * z, seed, 4)
    run = (
        0.27
        + 0.07 * noise(4 * cos(angle), 4 * sin(angle), 0.0, seed + 1)
        + 0.04 * noise(11 * cos(angle), 11 * sin(angle), 0.0, seed + 2)
    )
    glazed = 1.0 if outward < 0 else step(run - 0.012, run + 0.012, z)
    tone = clouds(5 * x, 5 * y, 5 * z, seed + 3, 3)
    shade = _mixed(
        (0.46, 0.20, 0.10), (0.05, 0.30, 0.30), glazed, mottled * (1 + 0.30 * glazed * tone), 0.05 + 0.2 * glazed
    )
    stroke = floor(angle / (2 * pi) * 22)
    high = abs(z - 0.355 - 0.02 * hashed(stroke, 0, 0, seed)) < 0.035 + 0.02 * hashed(stroke, 1, 0, seed)
    beside = abs(angle / (2 * pi) * 22 - stroke - 0.5) < 0.22
    if outward >= 0 and high and beside:
        return 0.74 * mottled, 0.66 * mottled, 0.48 * mottled, 0.15
    return shade


@compiled
def _orange(seed: int, x: float, y: float, z: float) -> tuple[float, float, float, float]:
    pores = 1 + 0.14 * noise(70 * x, 70 * y, 70 * z, seed)
    ripe = clouds(4 * x, 4 * y, 4 * z, seed + 1, 3)
    stem = 1 - step(0.02, 0.05, sqrt(x * x + y * y)) if z > 0 else 0.0
    shade = _mixed((0.78, 0.27, 0.015), (0.80, 0.40, 0.03), 0.5 + 0.8 * ripe, pores, 0.16)
    return _mixed((shade[0], shade[1], shade[2]), (0.14, 0.16, 0.05), 0.85 * stem, 1.0, 0.12)


@compiled
def _lemon(seed: int, x: float, y: float, z: float) -> tuple[float, float, float, float]:
    pores = 1 + 0.12 * noise(60 * x, 60 * y, 60 * z, seed)
    ripe = clouds(5 * x, 5 * y, 5 * z, seed + 1, 3)
    tip = step(0.13, 0.21, abs(z))
    return _mixed((0.80, 0.56, 0.04), (0.52, 0.50, 0.06), min(max(0.35 * tip + 0.5 * ripe, 0.0), 1.0), pores, 0.16)


@compiled
def _apple(seed: int, x: float, y: float, z: float) -> tuple[float, float, float, float]:
    """Red cheeks in streaks from pole to pole over yellow, with pale dots."""
    angle = atan2(y, x)
    streak = clouds(3.2 * cos(angle), 3.2 * sin(angle), 1.5 * z, seed, 2)
    streak += 0.3 * noise(14 * cos(angle), 14 * sin(angle), 3 * z, seed + 1)
    blush = clouds(2.6 * x, 2.6 * y, 2.6 * z, seed + 2, 2)
    share = step(-0.5, 0.35, streak + 1.3 * blush + 0.15)
    shade = _mixed((0.66, 0.46, 0.08), (0.48, 0.025, 0.02), share, 1.0, 0.22)
    dots = step(0.7, 0.8, noise(42 * x, 42 * y, 42 * z, seed + 3))
    return _mixed((shade[0], shade[1], shade[2]), (0.78, 0.6, 0.35), 0.45 * dots, 1.0, 0.22)


@compiled
def _book(
    what: int, seed: int, x: float, y: float, z: float, nx: float, ny: float, nz: float
) -> tuple[float, float, float, float]:
    """Cloth binding with stamped frames and an ornament; pages on three sides."""
    long, wide, thick = 0.47, 0.34, 0.075
    leather = (0.34, 0.035, 0.03)
    if what == 9:
        long, wide, thick, leather = 0.41, 0.30, 0.06, (0.035, 0.16, 0.09)
    elif what == 10:
        long, wide, thick, leather = 0.33, 0.25, 0.05, (0.03, 0.075, 0.22)
    if abs(z) < thick - 0.02 and abs(nz) < 0.5 and not nx < -0.5:
        leaves = 0.84 + 0.16 * noise(3 * x, 3 * y, 260 * z, seed) + 0.10 * clouds(5 * x, 5 * y, 30 * z, seed + 9, 2)
        return 0.70 * leaves, 0.60 * leaves, 0.43 * leaves, 0.0
    worn = 1 + 0.28 * clouds(8 * x, 8 * y, 8 * z, seed, 4) + 0.10 * noise(60 * x, 60 * y, 60 * z, seed + 1)
    gold = (0.62, 0.42, 0.13)
    stamped = 0.0
    if abs(nz) > 0.5:
        edge = min(long - abs(x), wide - abs(y))
        if 0.045 < edge < 0.06 or 0.075 < edge < 0.082:
            stamped = 1.0
        radius, angle = sqrt(x * x + y * y), atan2(y, x)
        petals = 0.13 + 0.05 * cos((5 + what % 3 * 2) * angle)
        if (
            abs(radius - petals) < 0.008
            or radius < 0.035
            or (edge > 0.082 and edge < 0.13 and abs(x) > long - 0.13 and abs(y) > wide - 0.13)
        ):
            stamped = 1.0
        rubbed = clouds(6 * x, 6 * y, 0.0, seed + 2, 3)
        stamped *= step(-0.55, -0.1, rubbed)
    elif nx < -0.5 and (
        0.05 < abs(abs(y) - wide * 0.55) < 0.065
        or (abs(y) < wide * 0.3 and abs(z) < thick * 0.35 and noise(0.0, 90 * y, 30 * z, seed) > 0)
    ):
        stamped = 1.0
    return _mixed(leather, gold, 0.9 * stamped, worn, 0.05 + 0.2 * stamped)

"""Compiled noise in space, the same for the same seed: what keeps two places of a surface from looking alike."""

from __future__ import annotations

from math import floor

from maquette.recon.synthetic.kernels import compiled


@compiled
def hashed(x: int, y: int, z: int, seed: int) -> float:
    """A number from 0 to 1 for each point of a lattice."""
    value = (x * 73856093) ^ (y * 19349663) ^ (z * 83492791) ^ (seed * 2654435761)
    value &= 0xFFFFFFFF
    value = ((value ^ (value >> 16)) * 0x45D9F3B) & 0xFFFFFFFF
    value = ((value ^ (value >> 16)) * 0x45D9F3B) & 0xFFFFFFFF
    return ((value ^ (value >> 16)) & 0xFFFFFF) / 16777215.0


@compiled
def noise(x: float, y: float, z: float, seed: int) -> float:
    """Smooth noise from -1 to 1 whose lattice has a width of 1."""
    i, j, k = floor(x), floor(y), floor(z)
    u, v, w = x - i, y - j, z - k
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    total = 0.0
    for corner in range(8):
        a, b, c = corner & 1, (corner >> 1) & 1, corner >> 2
        weight = (u if a else 1 - u) * (v if b else 1 - v) * (w if c else 1 - w)
        total += weight * hashed(i + a, j + b, k + c, seed)
    return 2 * total - 1


@compiled
def clouds(x: float, y: float, z: float, seed: int, octaves: int) -> float:
    """Noise and finer noise of half the strength upon it, about -1 to 1."""
    total, weight = 0.0, 0.55
    for octave in range(octaves):
        total += weight * noise(x, y, z, seed + 17 * octave)
        x, y, z, weight = 2.03 * x + 5.1, 2.03 * y + 1.7, 2.03 * z + 9.2, weight * 0.55
    return total


@compiled
def step(low: float, high: float, x: float) -> float:
    """0 below ``low``, 1 above ``high``, smooth between them."""
    share = min(max((x - low) / (high - low), 0.0), 1.0)
    return share * share * (3 - 2 * share)

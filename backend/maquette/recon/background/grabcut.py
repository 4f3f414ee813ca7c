"""The background told apart by colour alone: GrabCut (Rother et al. 2004), begun at what the picture's border shows.

The last resort: it knows no objects. Before an even background it is good; in a cluttered room it finds colours.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numpy import ndarray

from maquette.recon.background.edges import sharpened
from maquette.recon.background.removed import Removed

METHOD = "grabcut"

WORKING_PX = 400
"""Longer side at which colours are told apart."""
EVEN = 8.0
"""Standard deviation (CIELAB) of the border around a smooth fit up to which the background counts as even."""

_RING = 0.02
_MARGIN = 0.06
_ROUNDS = 4
_SPECK = 2e-4
"""Pieces and holes smaller than this share of the picture are noise."""
_CRUMB = 0.03
"""So are pieces smaller than this share of the largest: bits of the room in the object's colours."""
_DARKEST_SHADOW = 0.45
"""Of the background's lightness."""
_USUAL_SHARE = 0.05
"""An object smaller than this is trusted less: in clutter, a patch of colour is often all that is found."""


def cut_by_colour(pixels: UInt8[ndarray, "h w 3"], *, shadows: bool = True) -> Removed:
    """The object in the middle; the same picture gives the same mask.

    ``shadows``: whether what looks like a shadow on the background begins as background; GrabCut may take it back.
    """
    scale = min(1.0, WORKING_PX / max(pixels.shape[:2]))
    size = (max(16, round(pixels.shape[1] * scale)), max(16, round(pixels.shape[0] * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    labels = _first_guess(lab, shadows)
    if (labels & 1).any() and not (labels & 1).all():
        cv2.setRNGSeed(0)  # its colour models begin at random
        unused = (0, 0, 1, 1)
        cv2.grabCut(small, labels, unused, np.zeros((1, 65)), np.zeros((1, 65)), _ROUNDS, cv2.GC_INIT_WITH_MASK)
    inside = _without_specks((labels & 1).astype(np.bool_))
    trust = _unlike(lab, inside) * min(1.0, float(inside.mean()) / _USUAL_SHARE)
    mask = sharpened(inside.astype(np.uint8) * np.uint8(255), pixels)
    return Removed(mask, METHOD, degraded=True, confidence=trust)


def _first_guess(lab: Float32[ndarray, "h w 3"], shadows: bool) -> UInt8[ndarray, "h w"]:
    """GrabCut's labels: what stands out from the border's colours, or, where those are many, all but a margin."""
    height, width = lab.shape[:2]
    ring = np.ones((height, width), np.bool_)
    thick = max(2, round(_RING * max(height, width)))
    ring[thick:-thick, thick:-thick] = False
    fit = _smooth_fit(lab, ring)
    difference = np.linalg.norm(lab - fit, axis=2)
    # An object may touch the border: half of it must be even.
    if float(np.median(difference[ring])) <= EVEN:
        level, _ = cv2.threshold(
            np.clip(difference, 0, 255).astype(np.uint8), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU
        )
        stands_out = difference > max(EVEN, min(level, 3 * EVEN))
        if shadows:
            stands_out &= ~_shadow(lab, fit)
        labels = np.where(stands_out, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        labels[ring & ~stands_out] = cv2.GC_BGD
        return labels
    labels = np.full((height, width), cv2.GC_PR_FGD, np.uint8)
    down, right = max(1, round(_MARGIN * height)), max(1, round(_MARGIN * width))
    labels[:down], labels[-down:], labels[:, :right], labels[:, -right:] = (cv2.GC_BGD,) * 4
    return labels


def _shadow(lab: Float32[ndarray, "h w 3"], fit: Float32[ndarray, "h w 3"]) -> Bool[ndarray, "h w"]:
    """The background's colour, darker, without an edge or texture: what objects cast on it."""
    chroma = np.linalg.norm(lab[..., 1:] - fit[..., 1:], axis=2)
    steps = cv2.morphologyEx(lab[..., 0], cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    darker = (lab[..., 0] < fit[..., 0]) & (lab[..., 0] > _DARKEST_SHADOW * fit[..., 0])
    return np.asarray(darker & (chroma < EVEN) & (steps < EVEN))


def _smooth_fit(lab: Float32[ndarray, "h w 3"], ring: Bool[ndarray, "h w"]) -> Float32[ndarray, "h w 3"]:
    """A surface of second degree through the ring's colours, twice: studio light falls off, and objects stick out."""
    height, width = ring.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = 2 * x / width - 1, 2 * y / height - 1
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    colours, places = lab[ring], terms[ring]
    kept = np.ones(len(colours), np.bool_)
    weights = np.zeros((6, 3), np.float32)
    for _ in range(3):
        weights = np.linalg.lstsq(places[kept], colours[kept], rcond=None)[0]
        off = np.linalg.norm(places @ weights - colours, axis=1)
        kept = off <= max(EVEN, float(np.median(off)))
    fitted: Float32[ndarray, "h w 3"] = (terms @ weights).astype(np.float32)
    return fitted


def _without_specks(inside: Bool[ndarray, "h w"]) -> Bool[ndarray, "h w"]:
    least = max(4, round(_SPECK * inside.size))
    for value in (True, False):
        count, pieces, statistics, _ = cv2.connectedComponentsWithStats((inside == value).astype(np.uint8))
        areas = statistics[:count, cv2.CC_STAT_AREA]
        # Piece 0 is all that is not looked at.
        small = np.flatnonzero(areas < max(least, _CRUMB * areas[1:].max(initial=0) if value else 0))
        inside = np.where((inside == value) & np.isin(pieces, small), not value, inside)
    return np.asarray(inside, np.bool_)


def _unlike(lab: Float32[ndarray, "h w 3"], inside: Bool[ndarray, "h w"]) -> float:
    """One minus what the colour histograms of inside and outside share."""
    if not inside.any() or inside.all():
        return 0.0
    bins = np.clip(lab // 16, 0, 15).astype(np.intp)
    colour = (bins[..., 0] * 16 + bins[..., 1]) * 16 + bins[..., 2]
    one, other = (np.bincount(colour[part], minlength=4096) / part.sum() for part in (inside, ~inside))
    return float(1 - np.minimum(one, other).sum())

"""What of a picture is the object: its own transparency, or what GrabCut finds near the depth render's silhouette.

Depth renders and pictures may come from different programs and differ by a few per cent of the width: the picture has
the last word where it is clear (Rother, Kolmogorov, Blake 2004, "GrabCut").
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maquette.recon.rig.reading import RigView, without_specks

WORK_PX = 512
"""Long side at which the cut is made."""
SURE_INSIDE, SURE_OUTSIDE = 0.02, 0.035
"""How far within the depth's silhouette a pixel surely is the object, and beyond it surely not: picture widths."""
STANDS_OUT = 110.0
"""Difference from the background, of 255, above which a pixel near the depth's silhouette is the object."""
ROUNDS = 4
SEED = 0


def silhouette_of(view: RigView) -> UInt8[ndarray, "h w"]:
    """How much of each pixel is the object, 255 all of it."""
    if view.alpha is not None:
        return view.alpha
    height, width = view.known.shape
    scale = min(1.0, WORK_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    pixels = cv2.cvtColor(cv2.resize(view.pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
    known = cv2.resize(view.known.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    inside = cv2.distanceTransform(known, cv2.DIST_L2, 5) / size[0]
    outside = cv2.distanceTransform(1 - known, cv2.DIST_L2, 5) / size[0]
    # Thin parts (laces, legs) have no pixel deep inside; the thickest of them still are the object.
    cut = np.where(known > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    cut[outside > SURE_OUTSIDE] = cv2.GC_BGD
    cut[inside > min(SURE_INSIDE, 0.5 * float(inside.max()))] = cv2.GC_FGD
    # What stands out is no shadow, however dark a sole is beside its own.
    background = np.median(pixels[outside > SURE_OUTSIDE], axis=0) if (outside > SURE_OUTSIDE).any() else 255.0
    contrast = np.abs(pixels.astype(np.float32) - background).max(axis=2)
    cut[(contrast > STANDS_OUT) & (outside <= SURE_OUTSIDE)] = cv2.GC_FGD
    if not ((cut == cv2.GC_BGD) | (cut == cv2.GC_PR_BGD)).any():
        return (known * np.uint8(255)) if scale == 1 else cv2.resize(known * np.uint8(255), (width, height))
    cv2.setRNGSeed(SEED)
    cv2.grabCut(pixels, cut, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    on = np.isin(cut, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8) * np.uint8(255)
    on = without_specks(on > 0).astype(np.uint8) * np.uint8(255)
    # A cut has stairs; the edge of a thing is half a pixel soft.
    soft = cv2.GaussianBlur(on, (0, 0), 0.7)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)

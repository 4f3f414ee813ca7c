"""What the viewer drew, as numbers: its canvas without what lies over it, and how much two pictures are alike."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect

Picture = NDArray[np.uint8]
"""sRGB, height by width by 3."""

NOTHING_OVER_IT = ".mqv > :not(.mqv-canvas), header, [aria-label=Messages] { opacity: 0 !important; }"
CANVAS = ".mqv-canvas canvas"
COARSE = (40, 30)
"""Width and height in cells. A small model is blurred, and Gaussians are drawn a little differently by each program."""


def ready(page: Page) -> None:
    """Waits until the viewer shows its model, sorted for where it is seen from."""
    expect(page.locator("[data-viewer-state]")).to_have_attribute("data-viewer-state", "ready")
    expect(page.locator(CANVAS)).to_have_attribute("data-settled", "true")


def drawn(page: Page, change: Callable[[], object] | None = None) -> Picture:
    """The viewer's canvas as it is on the screen; after ``change``, which makes it draw anew."""
    canvas = page.locator(CANVAS)
    ready(page)
    if change:
        frames = canvas.get_attribute("data-frames") or ""
        change()
        expect(canvas).not_to_have_attribute("data-frames", frames)
        ready(page)
    return opened(canvas.screenshot(style=NOTHING_OVER_IT))


def opened(content: bytes) -> Picture:
    """The pixels of a picture file."""
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def letterboxed(picture: Picture, ratio: float) -> Picture:
    """The middle of it in which a photo of this width by height lies when the viewer stands where it was taken."""
    height, width = picture.shape[:2]
    inner_width, inner_height = min(width, height * ratio), min(height, width / ratio)
    left, top = round((width - inner_width) / 2), round((height - inner_height) / 2)
    return picture[top : top + round(inner_height), left : left + round(inner_width)]


def likeness(one: Picture, other: Picture) -> float:
    """How the light of two pictures goes together, cell by cell: 1 for the same picture, about 0 for any two."""
    a, b = (
        np.asarray(Image.fromarray(p).convert("L").resize(COARSE, Image.Resampling.BOX), float) for p in (one, other)
    )
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(np.sqrt((a * a).sum() * (b * b).sum()), 1e-9))


def empty(picture: Picture) -> bool:
    """Whether there is next to nothing on it: one colour, or dots on one."""
    light = picture.astype(float).mean(axis=2)
    return bool(light.std() < 5 or np.mean(np.abs(light - np.median(light)) > 5) < 0.05)

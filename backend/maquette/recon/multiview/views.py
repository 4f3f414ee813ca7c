"""The views that take part: enhanced ones with what they were made from, and what all of them look like loaded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians
from maquette.recon.multiview.exposure import exposure_gain
from maquette.recon.photos import Photo, load_photo
from maquette.recon.rasterize import rasterize
from maquette.recon.scene import View

_COUNTS = 128
"""Mask values from which on a pixel of a picture says something about others."""


@dataclass(frozen=True, eq=False)
class EnhancedView:
    """A picture that was made from a render: ``picture.image_path`` is the enhanced one, ``render_path`` what the
    parent model showed from the same camera; both of the camera's size.
    """

    picture: View
    render_path: Path

    @property
    def camera(self) -> Camera:
        """The camera of both."""
        return self.picture.camera

    @property
    def render(self) -> View:
        """The parent's render as a view."""
        return replace(self.picture, image_path=self.render_path)


@dataclass(frozen=True, eq=False)
class Loaded:
    """A picture at the resolution of the comparison, beside what the parent model shows there.

    ``depth``: median, world units along z, 0 = nothing, or left out by the picture's mask; ``render``: sRGB 0 to 1;
    ``gain``: how much brighter the picture is than the render.
    """

    photo: Photo
    depth: Float32[ndarray, "h w"]
    render: Float32[ndarray, "3 h w"]
    gain: float

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return self.photo.pixels.nbytes + self.depth.nbytes + self.render.nbytes


class Gallery:
    """Views loaded and rendered when they are asked for; the least recently used are forgotten beyond ``cache_mb``."""

    def __init__(
        self,
        gaussians: Gaussians,
        views: Sequence[View | EnhancedView],
        *,
        downscale: float,
        max_side_px: int | None,
        background: tuple[float, float, float],
        exposure_limit: float,
        cache_mb: int,
        backend: str,
    ) -> None:
        self.views = tuple(views)
        self._gaussians = gaussians
        self._downscale, self._max_side_px = downscale, max_side_px
        self._background, self._backend = background, backend
        self._exposure_limit = exposure_limit
        self._room = cache_mb * 1_000_000
        self._kept: OrderedDict[int, Loaded] = OrderedDict()

    def __getitem__(self, index: int) -> Loaded:
        """Raises ``unreadable_photo`` or ``training_size_too_small``."""
        if index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        loaded = self._load(self.views[index])
        self._kept[index] = loaded
        while len(self._kept) > 1 and sum(one.nbytes for one in self._kept.values()) > self._room:
            self._kept.popitem(last=False)
        return loaded

    def _load(self, view: View | EnhancedView) -> Loaded:
        picture = view.picture if isinstance(view, EnhancedView) else view
        photo = load_photo(picture, self._downscale, self._max_side_px)
        shown = rasterize(
            self._gaussians,
            photo.camera,
            background=self._background,
            backend=self._backend,
            outputs={"image", "median_depth"},
        )
        if isinstance(view, EnhancedView):
            render = load_photo(view.render, self._downscale, self._max_side_px).pixels.astype(np.float32)
            render *= np.float32(1 / 255)
        else:
            render = np.ascontiguousarray(shown.image.transpose(2, 0, 1))
        depth = shown.median_depth
        if photo.weights is not None:
            depth = np.where(photo.weights >= _COUNTS, depth, np.float32(0))
        gain = exposure_gain(photo.pixels, render, limit=self._exposure_limit, known=depth > 0)
        return Loaded(photo, depth, render, gain)

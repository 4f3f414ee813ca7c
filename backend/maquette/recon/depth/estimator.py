"""A photo's depth by a network: relative inverse depth at the photo's own size.

In finer pieces, if asked for: each tile is looked at alone, brought to the whole picture's scale by its own line (as
:mod:`maquette.recon.depth.align` does with points) and blended with its neighbours. A network sees a tile at several
times the resolution, and knows less of what it looks at; so tiles are off unless asked for. Nobody could measure yet
what they do with real weights (docs/models.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.depth.align import INLIER
from maquette.recon.depth.families import FAMILIES, network_input
from maquette.recon.depth.network import Network
from maquette.recon.enhance.tiles import Tile, plan_tiles
from maquette.recon.weights import LocalModel, Weights

LEAST_PX, MOST_SHAPE = 32, 4.0
"""Shortest side of a photo, and how many times the longer side may be the shorter: beyond it nothing was trained."""


class UnfitPhotoError(BadInputError):
    """A photo too small or too elongated for a depth network."""

    code = "photo_unfit_for_depth"


@dataclass(frozen=True, eq=False)
class DepthEstimate:
    """Relative inverse depth: higher is nearer, scale and shift unknown.

    ``input_size`` (width, height) is what the network looked at; ``tiles`` how many tiles were blended in, of those
    planned; ``revision`` that of the weights.
    """

    inverse: Float32[ndarray, "h w"]
    method: str
    revision: str
    provider: str
    input_size: tuple[int, int]
    tiles: int = 0
    tiles_planned: int = 0


class DepthEstimator:
    """One depth network, loaded once for any number of photos."""

    def __init__(self, model: LocalModel, file: str, *, threads: int | None = None) -> None:
        """Load ``file`` of the model's folder. Its name says the family (:data:`FAMILIES`).

        Raises the errors of :class:`maquette.recon.depth.network.Network`.
        """
        self.family = FAMILIES[model.name]
        self.model = model
        self.network = Network(model.folder / file, model.name, threads=threads)

    def __call__(self, image: UInt8[ndarray, "h w 3"], *, tiles: bool = False) -> DepthEstimate:
        """Depth of an sRGB photo at its own size. ``tiles``: also look at parts of it, where it is larger.

        Raises :class:`UnfitPhotoError` or ``depth_failed``.
        """
        height, width = image.shape[:2]
        if min(height, width) < LEAST_PX or max(height, width) > MOST_SHAPE * min(height, width):
            raise UnfitPhotoError(
                f"A photo of {width} x {height} pixels has no depth that a network could tell.",
                suggestion=f"Use photos of at least {LEAST_PX} px whose sides differ by at most {MOST_SHAPE:g} times.",
                width=width,
                height=height,
            )
        whole = self._looked_at(image)
        planned = self._tiles(width, height) if tiles else []
        inverse, used = whole, 0
        if len(planned) > 1:
            inverse, used = _with_tiles(whole, [(tile, self._looked_at(_cut(image, tile))) for tile in planned])
        return DepthEstimate(
            inverse=inverse,
            method=self.model.name,
            revision=self.model.revision,
            provider=self.network.provider,
            input_size=self._input_size(width, height),
            tiles=used,
            tiles_planned=len(planned) if len(planned) > 1 else 0,
        )

    def _input_size(self, width: int, height: int) -> tuple[int, int]:
        return self.network.baked or self.family.input_size(width, height)

    def _looked_at(self, image: UInt8[ndarray, "h w 3"]) -> Float32[ndarray, "h w"]:
        height, width = image.shape[:2]
        given = network_input(image, self._input_size(width, height), normalised=not self.network.normalises)
        said = self.network(given)
        return np.asarray(cv2.resize(said, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)

    def _tiles(self, width: int, height: int) -> list[Tile]:
        """Squares half as large again as what the network looks at; none where the photo hardly exceeds that."""
        return plan_tiles(height, width, round(1.5 * self.family.side_px))


def best_depth_model(weights: Weights) -> LocalModel | None:
    """The first of :data:`FAMILIES` whose weights are on this machine and may be used; None without any."""
    return next((weights[name] for name in FAMILIES if weights.problem(name) is None), None)


def _cut(image: UInt8[ndarray, "h w 3"], tile: Tile) -> UInt8[ndarray, "_ _ 3"]:
    return np.ascontiguousarray(image[tile.rows, tile.columns])


def _with_tiles(
    whole: Float32[ndarray, "h w"], pieces: list[tuple[Tile, Float32[ndarray, "_ _"]]]
) -> tuple[Float32[ndarray, "h w"], int]:
    """The whole with each tile that agrees with it drawn in, fading towards the tile's edges; and how many did."""
    span = float(np.ptp(whole))
    total, weights = whole.astype(np.float64) * 1e-3, np.full(whole.shape, 1e-3)
    used = 0
    for tile, piece in pieces:
        below = whole[tile.rows, tile.columns].astype(np.float64)
        fitted = _fitted(piece.astype(np.float64), below)
        if fitted is None or np.mean(np.abs(fitted - below) <= INLIER * span) < 0.8:
            continue
        fade = np.outer(np.hanning(piece.shape[0] + 2)[1:-1], np.hanning(piece.shape[1] + 2)[1:-1])
        total[tile.rows, tile.columns] += fade * fitted
        weights[tile.rows, tile.columns] += fade
        used += 1
    return (total / weights).astype(np.float32), used


def _fitted(piece: ndarray, below: ndarray) -> ndarray | None:
    """The piece by the line that brings it nearest to what lies below; None where near and far are exchanged."""
    x, y = piece - piece.mean(), below - below.mean()
    spread = float((x * x).mean())
    if spread <= 0:
        return None
    scale = float((x * y).mean()) / spread
    return None if scale <= 0 else scale * x + below.mean()

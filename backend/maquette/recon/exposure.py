"""The exposure of each training photo: a gain per colour between the model and what the camera stored.

Phones change exposure and white balance from photo to photo. Without a word for that, the model explains it by colours
that change with the view, and by fog. So each photo i is compared with g_i x of the rendered colours x, and g_i is
learned with the model, after Kerbl et al. 2024 ("A Hierarchical 3D Gaussian Representation"). They learn an affine 3x4
matrix from the beginning. Here offsets and mixed colours took in what a model that is not sharp yet cannot show, and so
did gains that began with the model: gains alone, from where the photos have their full size, are what paid
(docs/engine.md).

One freedom is left: brighter colours under darker exposures are the same photos. A step on one photo is therefore taken
back, in equal parts, from all photos in training: their mean stays 1, and a render without any exposure is
what the mean photo shows. Nothing is ever fitted to held-out photos.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numba import prange
from numpy import ndarray

from maquette.recon.losses import ZERO
from maquette.recon.rasterize.compiled import parallel_kernel
from maquette.recon.rasterize.scratch import Scratch

BETA1, BETA2 = 0.9, 0.999
EPSILON = 0.1
"""Adam's, and large: a photo that is off by a tenth has gradients of about that. Far below it they are those of a model
that is not sharp yet, and steps shrink with them, where the usual 1e-15 makes every one a full step."""
RATE_END = 0.1
"""Share of the step size that is left at the end of the schedule; exponential on the way."""


@dataclass(eq=False)
class Exposures:
    """The gain of each photo and colour, by its view's name, with Adam's moments and the steps made.

    Names, because a later call may train on other views, or on the same in another order.
    """

    names: tuple[str, ...]
    gains: Float32[ndarray, "n 3"]
    first: Float32[ndarray, "n 3"]
    second: Float32[ndarray, "n 3"]
    steps: Int64[ndarray, " n"]

    def covering(self, names: Sequence[str]) -> Exposures:
        """A copy with rows for all ``names``: photos that are new begin with 1."""
        new = tuple(name for name in dict.fromkeys(names) if name not in set(self.names))
        zeros = np.zeros((len(new), 3), np.float32)
        return Exposures(
            names=(*self.names, *new),
            gains=np.concatenate([self.gains, zeros + np.float32(1.0)]),
            first=np.concatenate([self.first, zeros]),
            second=np.concatenate([self.second, zeros]),
            steps=np.concatenate([self.steps, np.zeros(len(new), np.int64)]),
        )


def rows_of(names: Sequence[str], wanted: Sequence[str]) -> Int64[ndarray, " k"]:
    """The rows that ``wanted`` have among ``names``, in their order."""
    at = {name: row for row, name in enumerate(names)}
    return np.array([at[name] for name in wanted], np.int64)


def no_exposures() -> Exposures:
    """Of no photos: the state of a run that knows no exposures."""
    empty = np.zeros((0, 3), np.float32)
    return Exposures((), empty, empty.copy(), empty.copy(), np.zeros(0, np.int64))


def exposed(
    image: Float32[ndarray, "3 h w"], gains: Float32[ndarray, " 3"], *, scratch: Scratch | None = None
) -> Float32[ndarray, "3 h w"]:
    """The rendered ``image`` (sRGB 0 to 1) as a photo of these gains shows it."""
    out = (scratch or Scratch()).empty("exposed", image.shape)
    expose(image, gains, out)
    return out


def exposure_gradients(
    image: Float32[ndarray, "3 h w"], gains: Float32[ndarray, " 3"], gradient: Float32[ndarray, "3 h w"]
) -> Float64[ndarray, " 3"]:
    """Turn the gradient to the exposed image into that to ``image``, in place; the gradient to ``gains``."""
    sums = np.empty((3, image.shape[1]), np.float64)
    unexpose(image, gains, gradient, sums)
    total: Float64[ndarray, " 3"] = sums.sum(axis=1)
    return total


def exposure_step(
    exposures: Exposures, row: int, gradient: Float64[ndarray, " 3"], rate: float, trained: Int64[ndarray, " k"]
) -> None:
    """One step of Adam on the gains of ``row``, taken back in equal parts from the rows ``trained``.

    ``gradient`` is that of a loss that is a mean over all pixels, as :func:`exposure_gradients` gives it.
    """
    exposures.steps[row] += 1
    first = BETA1 * exposures.first[row] + (1 - BETA1) * gradient
    second = BETA2 * exposures.second[row] + (1 - BETA2) * gradient**2
    exposures.first[row], exposures.second[row] = first, second
    corrected = first / (1 - BETA1 ** exposures.steps[row])
    spread = np.sqrt(second / (1 - BETA2 ** exposures.steps[row]))
    move = rate * corrected / (spread + EPSILON)
    exposures.gains[row] -= move
    np.add.at(exposures.gains, trained, move / len(trained))  # a photo that is seen twice in a pass is named twice


@parallel_kernel
def expose(image: ndarray, gains: ndarray, out: ndarray) -> None:
    """Gain times colour."""
    channels, height, width = image.shape
    for row in prange(channels * height):
        channel, y = row // height, row % height
        source, target, gain = image[channel, y], out[channel, y], gains[channel]
        for x in range(np.uint64(width)):
            target[x] = gain * source[x]


@parallel_kernel
def unexpose(image: ndarray, gains: ndarray, gradient: ndarray, sums: ndarray) -> None:
    """Multiply ``gradient`` by the gain; its sum with the colour, before, goes to the place of channel and row."""
    channels, height, width = image.shape
    for row in prange(channels * height):
        channel, y = row // height, row % height
        source, target, gain = image[channel, y], gradient[channel, y], gains[channel]
        total = ZERO
        for x in range(np.uint64(width)):
            slope = target[x]
            total += slope * source[x]
            target[x] = gain * slope
        sums[channel, y] = total

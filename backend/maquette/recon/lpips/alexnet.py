"""The convolutions of AlexNet (Krizhevsky 2014, One weird trick for parallelizing convolutional neural networks).

Written out because torchvision, whose weights these are, does not install beside the CPU torch. Layers are called what
they are called in its state dict: ``features.0.weight``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Convolution:
    """One convolution with its bias, and whether pictures are halved (3 x 3 maximum, every second pixel) before it."""

    name: str
    channels_in: int
    channels: int
    kernel: int
    stride: int
    padding: int
    pooled: bool

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """What the state dict must hold."""
        return {
            f"{self.name}.weight": (self.channels, self.channels_in, self.kernel, self.kernel),
            f"{self.name}.bias": (self.channels,),
        }


LAYERS = (
    Convolution("features.0", 3, 64, 11, stride=4, padding=2, pooled=False),
    Convolution("features.3", 64, 192, 5, stride=1, padding=2, pooled=True),
    Convolution("features.6", 192, 384, 3, stride=1, padding=1, pooled=True),
    Convolution("features.8", 384, 256, 3, stride=1, padding=1, pooled=False),
    Convolution("features.10", 256, 256, 3, stride=1, padding=1, pooled=False),
)

SMALLEST_SIDE_PX = 31
"""A picture of a smaller side has nothing left to halve the second time."""


def activations(weights: Mapping[str, torch.Tensor], pictures: torch.Tensor) -> Iterator[torch.Tensor]:
    """What each convolution answers after its ReLU, ``(n, channels, h, w)``: one at a time, so memory holds two layers.

    ``pictures``: ``(n, 3, h, w)``, normalised as the weights want it.
    """
    from torch.nn import functional

    answer = pictures
    for layer in LAYERS:
        if layer.pooled:
            answer = functional.max_pool2d(answer, kernel_size=3, stride=2)
        convolved = functional.conv2d(
            answer,
            weights[f"{layer.name}.weight"],
            weights[f"{layer.name}.bias"],
            stride=layer.stride,
            padding=layer.padding,
        )
        answer = functional.relu_(convolved)
        yield answer

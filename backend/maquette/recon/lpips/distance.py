"""How different two pictures look: the distance of a network's answers to them (Zhang et al. 2018, equation 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.lpips.alexnet import LAYERS, SMALLEST_SIDE_PX, activations
from maquette.recon.metrics import ImageSizesDifferError

if TYPE_CHECKING:
    import torch

_SHIFT, _SCALE = np.array([-0.030, -0.088, -0.188], np.float32), np.array([0.458, 0.448, 0.450], np.float32)
"""Mean and deviation of ImageNet for colours from -1 to 1, as the published weights were trained with."""

_LEAST_LENGTH = 1e-10
LARGEST_PX = 3840 * 2160
"""Most pixels that are compared: about 125 bytes are taken for each, so a gigabyte."""

_STRIP_ROWS = 32
"""Rows of a layer that are compared at a time: what that takes does not grow with the picture's height."""


class UnfitPictureError(BadInputError):
    """A picture that the network has no pixels left of, or that would take gigabytes."""

    code = "picture_unfit"


def fits(picture: UInt8[ndarray, "h w 3"]) -> bool:
    """Whether the network has anything to see in a picture of this size, and memory is enough for it."""
    height, width = picture.shape[:2]
    return bool(min(height, width) >= SMALLEST_SIDE_PX and height * width <= LARGEST_PX)


@dataclass(frozen=True, eq=False)
class Lpips:
    """AlexNet's convolutions and the linear layer on each of them; ``revision`` says which weights they are."""

    backbone: Mapping[str, torch.Tensor]
    linear: tuple[torch.Tensor, ...]
    revision: str = ""

    def __call__(
        self,
        image: UInt8[ndarray, "h w 3"],
        reference: UInt8[ndarray, "_ _ 3"],
        weights: UInt8[ndarray, "_ _"] | None = None,
    ) -> float:
        """Distance of two sRGB pictures from 0, alike; about 0.7 is as unlike as photos get.

        With ``weights`` (255 counts fully, 0 not at all) ``image`` is made ``reference`` as far as a pixel does not
        count, and each layer's differences are averaged by the weights shrunk to its size. Raises
        :class:`ImageSizesDifferError` or :class:`UnfitPictureError`.
        """
        import torch

        for other in (reference, image if weights is None else weights):
            if image.shape[:2] != other.shape[:2]:
                raise ImageSizesDifferError((image.shape[1], image.shape[0]), (other.shape[1], other.shape[0]))
        if not fits(image):
            raise UnfitPictureError(
                f"A picture of {image.shape[1]} x {image.shape[0]} pixels is too small or too large for LPIPS.",
                suggestion=f"Compare pictures of at least {SMALLEST_SIDE_PX} pixels a side and at most {LARGEST_PX:,}"
                " in all.",
            )
        pair = np.stack([image, reference]).astype(np.float32)
        if weights is not None:
            share = weights[..., None].astype(np.float32) / np.float32(255)
            pair[0] = share * pair[0] + (1 - share) * pair[1]
        # From 0..255 to -1..1, then by shift and scale, in place: at 4K each copy takes 200 MB.
        pair -= np.float32(127.5) * (1 + _SHIFT)
        pair /= np.float32(127.5) * _SCALE
        with torch.inference_mode():
            pictures = torch.from_numpy(np.ascontiguousarray(pair.transpose(0, 3, 1, 2))).to(self.linear[0].device)
            del pair
            layers = activations(self.backbone, pictures)
            return sum(
                _layer_distance(*both) for both in zip(layers, self.linear, [weights] * len(LAYERS), strict=True)
            )


def _layer_distance(answer: torch.Tensor, linear: torch.Tensor, weights: UInt8[ndarray, "h w"] | None) -> float:
    """Mean over the pixels of one layer of w . (a / |a| - b / |b|)^2, the square and the product by channels."""
    import torch

    strips = []
    for strip in torch.split(answer, _STRIP_ROWS, dim=2):
        length = torch.linalg.vector_norm(strip, dim=1, keepdim=True)
        unit = strip / (length + _LEAST_LENGTH)
        strips.append(torch.einsum("chw,c->hw", (unit[0] - unit[1]).square_(), linear))
    difference = torch.cat(strips)
    if weights is None:
        return float(difference.mean())
    height, width = difference.shape
    counts = cv2.resize(weights.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    total = float(counts.sum())
    return float((difference.cpu().numpy() * counts).sum() / total) if total > 0 else 0.0

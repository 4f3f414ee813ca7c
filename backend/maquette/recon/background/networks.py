"""The background networks that are known, in the order of preference, and how each wants to see a photo."""

from __future__ import annotations

from dataclasses import dataclass

Triple = tuple[float, float, float]

_IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
_IMAGENET_STD: Triple = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Kind:
    """``side_px`` of the square a photo is squeezed into; ``mean`` and ``std`` of its values, 1 the brightest.

    ``logits``: the answer is one before the sigmoid.
    """

    side_px: int
    mean: Triple
    std: Triple
    logits: bool = False


# IS-Net without division by a deviation is what rembg runs its export with.
KINDS: dict[str, Kind] = {
    "birefnet-general-lite": Kind(1024, _IMAGENET_MEAN, _IMAGENET_STD, logits=True),
    "isnet-general-use": Kind(1024, _IMAGENET_MEAN, (1.0, 1.0, 1.0)),
    "u2net": Kind(320, _IMAGENET_MEAN, _IMAGENET_STD),
    "u2netp": Kind(320, _IMAGENET_MEAN, _IMAGENET_STD),
}
"""BiRefNet (Zheng et al. 2024), IS-Net (Qin et al. 2022), U²-Net and its small one (Qin et al. 2020)."""

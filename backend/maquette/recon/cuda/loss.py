"""The losses of :mod:`maquette.recon.losses`, ``weighted_loss`` and ``depth_loss`` on a device, gradients analytic.

No autograd: the gradient needs three windowed maps, autograd would keep and walk back through all five and their
squares.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from maquette.recon.depth_loss import MIN_ALPHA
from maquette.recon.losses import DEFAULT_SSIM_WEIGHT, REACH, WINDOW

C1 = 0.01**2
C2 = 0.03**2


@dataclass(frozen=True, eq=False)
class DeviceLoss:
    """The loss, still on the device (reading it waits for the GPU), and its gradient to the rendered image."""

    value: Float32[Tensor, ""]
    gradient: Float32[Tensor, "3 h w"]


def photometric_loss(
    image: Float32[Tensor, "3 h w"],
    photo: UInt8[Tensor, "3 h w"],
    ssim_weight: float = DEFAULT_SSIM_WEIGHT,
    weights: UInt8[Tensor, "h w"] | None = None,
) -> DeviceLoss:
    """Compare a rendered image (sRGB 0 to 1, planes) with a photo (sRGB 0 to 255, planes).

    With ``weights`` (0 to 255) pixels count by them, as :mod:`maquette.recon.weighted_loss` defines it.
    """
    with torch.no_grad():
        a, b = image.detach(), photo.to(torch.float32) * (1.0 / 255.0)
        moments = torch.cat([a, b, a * a, b * b, a * b])
        if weights is None:
            moments = windowed(moments)
        else:
            w = weights.to(torch.float32) * (1.0 / 255.0)
            inside, counted = windowed(torch.stack([torch.ones_like(w), w])).unbind()
            factor = torch.where(counted > 0, inside / counted, 0.0)
            moments = windowed(w * moments) * factor
        mean_a, mean_b, square_a, square_b, cross = moments.chunk(5)
        mean_aa, mean_bb, mean_ab = mean_a * mean_a, mean_b * mean_b, mean_a * mean_b
        top1, top2 = 2 * mean_ab + C1, 2 * (cross - mean_ab) + C2
        low1, low2 = mean_aa + mean_bb + C1, (square_a - mean_aa) + (square_b - mean_bb) + C2
        inverse = 1 / (low1 * low2)
        ssim = top1 * top2 * inverse
        d_square = -ssim / low2
        d_cross = 2 * top1 * inverse
        d_mean = 2 * mean_b * top2 * inverse - 2 * mean_a * (ssim / low1 + d_square) - mean_b * d_cross
        partials = torch.cat([d_mean, d_square, d_cross])
        if weights is not None:
            partials = w * factor * partials
        by_mean, by_square, by_cross = windowed(partials).chunk(3)
        difference = a - b
        similar = by_mean + 2 * a * by_square + b * by_cross
        gradient = (1 - ssim_weight) * difference.sign() - ssim_weight * similar
        if weights is None:
            value = (1 - ssim_weight) * difference.abs().mean() + ssim_weight * (1 - ssim.mean())
        else:
            gradient = w * gradient
            value = (w * ((1 - ssim_weight) * difference.abs() + ssim_weight * (1 - ssim))).mean()
        return DeviceLoss(value, gradient / image.numel())


def depth_loss(
    depth: Float[Tensor, "h w"],
    alpha: Float[Tensor, "h w"],
    inverse_depth: Float32[Tensor, "h w"],
    radius: float,
    weights: UInt8[Tensor, "h w"] | None = None,
) -> Float[Tensor, ""]:
    """The depth prior's loss, differentiable to the expected ``depth`` (world units along z)."""
    counts = (inverse_depth > 0) & (alpha.detach() >= MIN_ALPHA) & (depth.detach() > 0)
    # The inner `where` keeps what does not count from dividing by nothing, and NaN out of the gradient.
    error = radius / torch.where(counts, depth, 1.0) - radius * inverse_depth
    weighed = error.abs() if weights is None else error.abs() * (weights.to(torch.float32) * (1.0 / 255.0))
    return torch.where(counts, weighed, 0.0).mean()


def windowed(planes: Float32[Tensor, "c h w"]) -> Float32[Tensor, "c h w"]:
    """Each plane under the 11x11 Gaussian window, zero padded, as two one-dimensional windows.

    One channel a group in contiguous float32 is what torch runs in its own depthwise kernel: cuDNN's might use TF32,
    whose 10 bits of mantissa are not enough for differences of squares.
    """
    count = len(planes)
    taps = _window_on(planes.device).expand(count, 1, len(WINDOW))
    down = torch.nn.functional.conv2d(planes[None], taps[..., None], padding=(REACH, 0), groups=count)
    across = torch.nn.functional.conv2d(down, taps[:, :, None], padding=(0, REACH), groups=count)
    return across[0]


@cache
def _window_on(device: torch.device) -> Tensor:
    # Uploaded once: an upload waits for the device.
    return torch.tensor(WINDOW, device=device)

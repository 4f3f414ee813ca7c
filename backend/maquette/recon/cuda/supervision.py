"""What a training photo says of a picture on a device: the twin of :mod:`maquette.recon.supervision`."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float32
from torch import Tensor

from maquette.recon.cuda.loss import depth_loss, photometric_loss
from maquette.recon.cuda.rasterizing import Picture
from maquette.recon.cuda.views import DevicePhoto


@dataclass(frozen=True, eq=False)
class DeviceSupervision:
    """The loss, still on the device, and the gradient to the photo's gains where it has some."""

    value: Tensor
    gains_gradient: Float32[Tensor, " 3"] | None = None


def supervise(
    picture: Picture,
    photo: DevicePhoto,
    ssim_weight: float,
    *,
    depth_weight: float = 0.0,
    radius: float = 1.0,
    gains: Float32[Tensor, " 3"] | None = None,
) -> DeviceSupervision:
    """Compare a picture with its photo, and walk the gradients back to what it was rendered from.

    ``depth_weight`` is the prior's weight now; it counts where the picture has a depth and the photo a prior.
    """
    image = picture.image.detach().to(torch.float32)
    shown = image if gains is None else gains[:, None, None] * image
    loss = photometric_loss(shown, photo.pixels, ssim_weight, photo.weights)
    value, gradient, to_gains = loss.value, loss.gradient, None
    if gains is not None:
        to_gains = (gradient * image).sum(dim=(1, 2))
        gradient = gains[:, None, None] * gradient
    outputs, gradients = [picture.image], [gradient.to(picture.image.dtype)]
    if depth_weight > 0 and picture.depth is not None and picture.alpha is not None and photo.inverse_depth is not None:
        known = depth_weight * depth_loss(picture.depth, picture.alpha, photo.inverse_depth, radius, photo.weights)
        value = value + known.detach()
        outputs.append(known)
        gradients.append(torch.ones_like(known))
    if picture.image.requires_grad:
        torch.autograd.backward(outputs, gradients)
    return DeviceSupervision(value, to_gains)

"""Adam on the splats a photo has touched, on a device: the rule of :mod:`maquette.recon.optimizer`, row for row."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from maquette.recon.cuda.state import DeviceState, Splats
from maquette.recon.optimizer import BETA1, BETA2, EPSILON, LearningRates


@dataclass(frozen=True, eq=False)
class DeviceGradients:
    """Loss gradients of the splats in view: row j belongs to splat ``indices[j]``.

    ``by`` holds the harmonics in use only. ``screen`` is the norm of the gradient of the screen mean in units of half
    the image. ``taken`` says which splats a pixel took, ``visible`` how many have an ellipse that touches the image.
    """

    indices: Int64[Tensor, " v"]
    by: Splats
    screen: Float32[Tensor, " v"]
    taken: Bool[Tensor, " v"]
    visible: Int64[Tensor, ""]


def adam_step(
    state: DeviceState, gradients: DeviceGradients, rates: LearningRates, *, opacity_weight: float = 0.0
) -> None:
    """Move the taken splats one step, in place; the others keep their moments as well, as do harmonics not in use.

    ``opacity_weight`` times the mean opacity of the visible splats is added to the loss.
    """
    state.steps += 1
    beta1, beta2 = float(BETA1), float(BETA2)
    correction1, correction2 = 1 - beta1**state.steps, 1 - beta2**state.steps
    scale = correction2**0.5 / correction1
    epsilon = float(EPSILON) * correction2**0.5
    if len(gradients.indices) == 0:
        return
    if opacity_weight:
        opacity = torch.sigmoid(state.splats.opacity_logits[gradients.indices])
        pull = opacity_weight / gradients.visible.clamp(min=1)
        gradients.by.opacity_logits.add_(pull * opacity * (1 - opacity))
    terms = gradients.by.sh.shape[1]
    for field in fields(Splats):
        name = field.name
        # Only harmonics in use are touched: a narrowed view of the rows.
        parameter, first, second = (
            getattr(part, name)[:, :terms] if name == "sh" else getattr(part, name)
            for part in (state.splats, state.first, state.second)
        )
        gradient = getattr(gradients.by, name)
        if name == "sh":
            step = torch.full((terms, 1), scale * rates.sh_rest, device=state.device)
            step[0] = scale * rates.sh_base
        else:
            step = torch.full((), scale * getattr(rates, name), device=state.device)
        taken = gradients.taken.view(-1, *[1] * (gradient.dim() - 1))
        old_first, old_second = first[gradients.indices], second[gradients.indices]
        new_first = torch.lerp(gradient, old_first, beta1)
        new_second = torch.lerp(gradient * gradient, old_second, beta2)
        move = step * new_first / (new_second.sqrt() + epsilon)
        first.index_copy_(0, gradients.indices, torch.where(taken, new_first, old_first))
        second.index_copy_(0, gradients.indices, torch.where(taken, new_second, old_second))
        parameter.index_add_(0, gradients.indices, torch.where(taken, move, 0.0), alpha=-1.0)

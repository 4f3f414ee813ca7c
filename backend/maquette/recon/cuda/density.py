"""Adaptive density control on a device: the rules of :mod:`maquette.recon.density`, splat for splat.

Given the same statistics both choose, order and place the same splats; offsets of split ones come from the host's
generator. A densification waits for the device a few times, to learn how many there are of each kind.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from maquette.recon.cuda.adam import DeviceGradients
from maquette.recon.cuda.state import DeviceState, Splats
from maquette.recon.density import SPLIT_SHRINK


def accumulate(state: DeviceState, gradients: DeviceGradients) -> None:
    """Add one view's screen gradients to the statistics, in place."""
    seen = gradients.taken
    state.gradient_sum.index_add_(0, gradients.indices, torch.where(seen, gradients.screen, 0.0))
    state.views.index_add_(0, gradients.indices, seen.to(state.views.dtype))


def densify(state: DeviceState, *, threshold: float, split_above: float, max_gaussians: int) -> None:
    """Clone small and split large splats whose mean screen gradient exceeds ``threshold``, half images.

    ``split_above`` is the standard deviation, world units, from which a splat is split. Where ``max_gaussians`` leaves
    no room for all, those with the largest gradient go first. New splats start with zero moments. Statistics no longer
    fit afterwards: see :func:`forget_statistics`.
    """
    mean = state.gradient_sum / state.views.clamp(min=1)
    chosen = (mean > threshold).nonzero().flatten()
    room = max(0, max_gaussians - len(state.splats))
    if len(chosen) > room:
        strongest = torch.argsort(mean[chosen], descending=True, stable=True)[:room]
        chosen = chosen[strongest].sort().values
    large = torch.exp(state.splats.log_scales[chosen].amax(dim=1)) > split_above
    cloned, split = chosen[~large], chosen[large]
    children = _halves(state, split)
    copies = state.splats.changed(lambda tensor: tensor[cloned])
    stay = torch.ones(len(state.splats), dtype=torch.bool, device=state.device)
    stay[split] = False
    _keep(state, stay)
    state.splats = state.splats.followed_by(copies, children)
    more = len(cloned) + len(children)
    state.first, state.second = (
        moments.changed(lambda tensor: torch.cat([tensor, tensor.new_zeros((more, *tensor.shape[1:]))]))
        for moments in (state.first, state.second)
    )


def prune(
    state: DeviceState, *, min_opacity: float, max_scale: float, unwanted: Bool[Tensor, " n"] | None = None
) -> None:
    """Drop splats fainter than ``min_opacity`` (0 to 1), larger than ``max_scale`` (world units) or ``unwanted``.

    If none would be left, the most opaque one stays.
    """
    keep = state.splats.opacity_logits >= _logit(min_opacity)
    if unwanted is not None:
        keep &= ~unwanted
    keep &= state.splats.log_scales.amax(dim=1) <= math.log(max_scale)
    if not bool(keep.any()):
        keep[torch.argmax(state.splats.opacity_logits)] = True
    _keep(state, keep)


def reset_opacity(state: DeviceState, *, ceiling: float) -> None:
    """Lower every opacity to at most ``ceiling`` (0 to 1) and forget its moments, in place."""
    state.splats.opacity_logits.clamp_(max=_logit(ceiling))
    state.first.opacity_logits.zero_()
    state.second.opacity_logits.zero_()


def forget_statistics(state: DeviceState) -> None:
    """Begin the statistics anew for the splats there are."""
    count = len(state.splats)
    state.gradient_sum = torch.zeros(count, device=state.device)
    state.views = torch.zeros(count, dtype=torch.int32, device=state.device)


def _keep(state: DeviceState, keep: Tensor) -> None:
    # Indices once, instead of a mask that each of the fifteen tensors would count again.
    rows = keep.nonzero().flatten()
    for name in ("splats", "first", "second"):
        setattr(state, name, getattr(state, name).changed(lambda tensor: tensor[rows]))


def _halves(state: DeviceState, split: Int64[Tensor, " s"]) -> Splats:
    """Two smaller splats for each of ``split``, placed by sampling the one they replace."""
    parents = state.splats.changed(lambda tensor: tensor[split.repeat_interleave(2)])
    draws = state.rng.standard_normal((len(parents), 3), dtype="float32")
    offsets = torch.tensor(draws, device=state.device) * torch.exp(parents.log_scales)
    parents.means = parents.means + (rotations(parents.quaternions) * offsets[:, None, :]).sum(dim=2)
    parents.log_scales = parents.log_scales - math.log(SPLIT_SHRINK)
    return parents


def rotations(quaternions: Tensor) -> Tensor:
    """Rotation matrices (n, 3, 3) of quaternions wxyz (n, 4) of any positive length."""
    w, x, y, z = torch.nn.functional.normalize(quaternions, dim=1).unbind(1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)


def _logit(probability: float) -> float:
    return math.log(probability / (1.0 - probability))

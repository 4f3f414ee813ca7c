"""Relocation on a device: the rules of :mod:`maquette.recon.relocation`, and its very choices.

Opacities come to the host once in each relocation, where the same numbers of the same generator choose; what changes
goes back. Only the noise is drawn on the device, from a seed that the host draws.
"""

from __future__ import annotations

from dataclasses import fields

import torch

from maquette.recon.cuda.density import rotations
from maquette.recon.cuda.state import DeviceState, Splats
from maquette.recon.relocation import (
    DEAD_OPACITY,
    GATE_OPACITY,
    GATE_SHARPNESS,
    STILL_OPACITY,
    Shares,
    choose,
    faded,
    opacities,
)


def relocate(state: DeviceState) -> int:
    """Move the splats that have faded to ones that have not, in place; answers how many moved."""
    opacity = opacities(state.splats.opacity_logits.cpu().numpy())
    dead = faded(opacity)
    if len(dead):
        shares = choose(opacity, len(dead), state.rng)
        _make_room(state, shares)
        rows, joined = (torch.from_numpy(part).to(state.device) for part in (dead, shares.joined))
        for name in (field.name for field in fields(Splats)):
            getattr(state.splats, name)[rows] = getattr(state.splats, name)[joined]
            getattr(state.first, name)[rows] = 0.0
            getattr(state.second, name)[rows] = 0.0
    return len(dead)


def extend(state: DeviceState, count: int) -> None:
    """Add ``count`` splats behind the others, each where one is already. Statistics no longer fit afterwards."""
    opacity = opacities(state.splats.opacity_logits.cpu().numpy())
    if count <= 0 or not (opacity > DEAD_OPACITY).any():
        return
    shares = choose(opacity, count, state.rng)
    _make_room(state, shares)
    joined = torch.from_numpy(shares.joined).to(state.device)
    state.splats = state.splats.followed_by(state.splats.changed(lambda tensor: tensor[joined]))
    state.first, state.second = (
        moments.changed(lambda tensor: torch.cat([tensor, tensor.new_zeros((count, *tensor.shape[1:]))]))
        for moments in (state.first, state.second)
    )


def explore(state: DeviceState, strength: float) -> None:
    """Move faint splats at random along their own shape, in place; ``strength`` is per world unit."""
    generator = torch.Generator(state.device).manual_seed(int(state.rng.integers(2**63)))
    splats = state.splats
    opacity = torch.sigmoid(splats.opacity_logits)
    gate = torch.sigmoid(GATE_SHARPNESS * (GATE_OPACITY - opacity)) * (opacity < STILL_OPACITY)
    # All of them, though most stay where they are: choosing would wait for the device in every iteration.
    noise = torch.randn(splats.means.shape, generator=generator, device=state.device)
    turn = rotations(splats.quaternions)
    along = (turn * noise[:, :, None]).sum(dim=1) * torch.exp(2 * splats.log_scales) * (strength * gate[:, None])
    splats.means += (turn * along[:, None, :]).sum(dim=2)


def _make_room(state: DeviceState, shares: Shares) -> None:
    """Change those that are joined; their moments are forgotten."""
    parents, logits, shifts = (
        torch.from_numpy(part).to(state.device)
        for part in (shares.parents, shares.opacity_logits, shares.log_scale_shifts)
    )
    state.splats.opacity_logits[parents] = logits
    state.splats.log_scales[parents] += shifts[:, None]
    for part in (state.first, state.second):
        for field in fields(part):
            getattr(part, field.name)[parents] = 0.0

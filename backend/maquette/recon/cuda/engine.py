"""Training on a device: the iteration of :mod:`maquette.recon.train` with everything large on the GPU.

Within an iteration the host waits for the device only where it must learn a length (which splats are in view, and in
gsplat how many tiles they touch); losses and models come to the host when someone reads them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import cached_property

import torch
from torch import Tensor

from maquette.recon.checkpoint import Checkpoint
from maquette.recon.clearance import ClearSpace
from maquette.recon.cuda.adam import DeviceGradients, adam_step
from maquette.recon.cuda.errors import NotEnoughGpuMemoryError
from maquette.recon.cuda.exposure import exposure_step
from maquette.recon.cuda.gpu import free_gpu_bytes, open_gpu
from maquette.recon.cuda.growth import grow
from maquette.recon.cuda.rasterizing import DeviceRasterizer, Picture, rasterize_with_gsplat
from maquette.recon.cuda.state import DeviceState, Splats, from_checkpoint, to_host
from maquette.recon.cuda.supervision import DeviceSupervision, supervise
from maquette.recon.cuda.views import DevicePhoto, in_view, photo_on
from maquette.recon.exposure import rows_of
from maquette.recon.gaussians import Gaussians
from maquette.recon.photos import Photo
from maquette.recon.schedule import level_at, progress_at, rates_at, sh_degree_at
from maquette.recon.supervision import depth_weight_at, exposure_rate_at
from maquette.recon.train_settings import TrainSettings


class DeviceStep:
    """What one iteration did: the names of :class:`maquette.recon.train.TrainStep`.

    ``seconds`` count on the host, which may be ahead of the device. Read ``loss``, ``gaussians`` and ``checkpoint``
    before the next step, and not in every one: each waits for the device.
    """

    def __init__(self, state: DeviceState, loss: Tensor, seconds: float) -> None:
        self.iteration = state.iteration
        self.gaussian_count = len(state.splats)
        self.seconds = seconds
        self._state = state
        self._loss = loss

    @cached_property
    def loss(self) -> float:
        """The loss of this iteration's photo."""
        return float(self._loss)

    @cached_property
    def gaussians(self) -> Gaussians:
        """A copy of the model as it is now."""
        return to_host(self._state.splats)

    def checkpoint(self) -> Checkpoint:
        """Copies the whole state, for keeping."""
        return self._state.to_checkpoint()


def train_on_device(
    settings: TrainSettings,
    levels: Sequence[Sequence[Photo]],
    start: Checkpoint,
    radius: float,
    clear: ClearSpace,
    *,
    device: torch.device | None = None,
    rasterizer: DeviceRasterizer = rasterize_with_gsplat,
) -> Iterator[DeviceStep]:
    """Go on from ``start`` up to ``settings.iterations`` with the photos of ``levels`` (finest level first).

    ``radius`` is the scene's, world units; ``clear`` is kept empty; ``device`` none: the GPU. Photos are drawn and
    Gaussians split by the same random numbers as on the CPU, but a GPU adds up in any order, so runs agree only until
    rounding decides something. Raises the errors of :func:`maquette.recon.cuda.gpu.open_gpu`, and
    ``not_enough_gpu_memory`` when it runs out.
    """
    device = device or open_gpu()
    try:
        photos = [[photo_on(photo, device) for photo in level] for level in levels]
        names = [photo.name for photo in levels[0]] if settings.exposure else []
        yield from _run(settings, photos, from_checkpoint(start, device, names), radius, clear, rasterizer)
    except torch.OutOfMemoryError as error:
        raise NotEnoughGpuMemoryError(None, free_gpu_bytes()) from error


def _run(
    settings: TrainSettings,
    levels: Sequence[Sequence[DevicePhoto]],
    state: DeviceState,
    radius: float,
    clear: ClearSpace,
    rasterizer: DeviceRasterizer,
) -> Iterator[DeviceStep]:
    rows = None
    if settings.exposure:
        rows = rows_of(state.exposures.names, [photo.name for photo in levels[0]]).tolist()
        trained = torch.tensor(rows, device=state.device)
    began = time.perf_counter()
    while state.iteration < settings.iterations:
        state.iteration += 1
        done = progress_at(settings, state.iteration)
        if len(state.waiting) == 0:
            state.waiting = state.rng.permutation(len(levels[0]))
        chosen = state.waiting[0]
        photo = levels[level_at(settings, done)][chosen]
        state.waiting = state.waiting[1:]
        said, gradients = compare(
            state.splats,
            photo,
            rasterizer,
            background=settings.background,
            sh_degree=sh_degree_at(settings, done),
            ssim_weight=settings.ssim_weight,
            depth_weight=depth_weight_at(settings, state.iteration),
            radius=radius,
            gains=None if rows is None else state.exposures.gains[rows[chosen]],
        )
        rates = rates_at(settings, state.iteration, radius)
        adam_step(state, gradients, rates, opacity_weight=settings.opacity_weight)
        rate = exposure_rate_at(settings, state.iteration)
        if rows is not None and said.gains_gradient is not None and rate > 0:
            exposure_step(state.exposures, rows[chosen], said.gains_gradient, rate, trained)
        grow(state, gradients, settings, radius, clear)
        yield DeviceStep(state, said.value, time.perf_counter() - began)


def compare(
    splats: Splats,
    photo: DevicePhoto,
    rasterizer: DeviceRasterizer,
    *,
    background: tuple[float, float, float],
    sh_degree: int,
    ssim_weight: float,
    depth_weight: float = 0.0,
    radius: float = 1.0,
    gains: Tensor | None = None,
) -> tuple[DeviceSupervision, DeviceGradients]:
    """Render the photo's view; the loss, and its gradients for the splats in view.

    Of the photo also its mask, its depth prior by ``depth_weight`` (``radius``: the scene's) and its ``gains``.
    """
    camera = photo.camera.camera
    indices = in_view(splats, photo.camera)
    terms = min((sh_degree + 1) ** 2, splats.sh.shape[1])
    rows = Splats(
        means=splats.means[indices],
        log_scales=splats.log_scales[indices],
        quaternions=splats.quaternions[indices],
        opacity_logits=splats.opacity_logits[indices],
        sh=splats.sh[:, :terms][indices],
    )
    if len(rows) == 0:
        empty = splats.means.new_tensor(background)[:, None, None].expand(3, camera.height, camera.width)
        nothing = splats.means.new_zeros(0)
        none_visible = torch.zeros((), dtype=torch.int64, device=splats.means.device)
        gradients = DeviceGradients(indices, rows, nothing, nothing > 0, none_visible)
        nothing_shown = Picture(empty, splats.means.new_zeros(0, 2), nothing > 0)
        return supervise(nothing_shown, photo, ssim_weight, gains=gains), gradients

    leaves = rows.changed(lambda tensor: tensor.requires_grad_())
    with_depth = depth_weight > 0 and photo.inverse_depth is not None
    picture = rasterizer(leaves, photo.camera, background, with_depth)
    said = supervise(picture, photo, ssim_weight, depth_weight=depth_weight, radius=radius, gains=gains)
    by = leaves.changed(_gradient)
    with torch.no_grad():
        # What the CPU engine calls touched: some pixel's gradient reached the colour or the opacity.
        taken = (by.opacity_logits != 0) | (by.sh[:, 0] != 0).any(dim=1)
        x, y = _gradient(picture.screen_means).reshape(-1, 2).to(torch.float32).unbind(1)
        half_images = torch.hypot(x * (camera.width / 2), y * (camera.height / 2))
        return said, DeviceGradients(indices, by, half_images, taken, picture.visible.sum())


def _gradient(tensor: Tensor) -> Tensor:
    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad

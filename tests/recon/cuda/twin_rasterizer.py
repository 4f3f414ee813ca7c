"""The plain-torch twin as a rasteriser of the torch engine: float64, every splat at every pixel, on any device.

It blends as :func:`maquette.recon.rasterize.twin` defines, from that module's covariances and colours, and keeps the
screen means in the graph, which the engine needs the gradients of.
"""

from __future__ import annotations

import torch

from maquette.recon.cuda.rasterizing import Picture
from maquette.recon.cuda.state import Splats
from maquette.recon.cuda.views import DeviceCamera
from maquette.recon.rasterize import twin


def rasterize_with_twin(
    splats: Splats, view: DeviceCamera, background: tuple[float, float, float], depth: bool = False
) -> Picture:
    camera = view.camera
    wide = splats.changed(lambda tensor: tensor.to(torch.float64))
    pose = torch.as_tensor(camera.camera_from_world)
    points = wide.means @ pose[:3, :3].T + pose[:3, 3]
    opacities = torch.sigmoid(wide.opacity_logits)
    x, y, z = points.unbind(1)
    screen_means = torch.stack([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy], dim=1)
    if screen_means.requires_grad:
        screen_means.retain_grad()
    covariances = twin.screen_covariances(points, wide.log_scales, wide.quaternions, pose[:3, :3], camera)
    inverse = torch.linalg.inv(covariances)
    colors = twin.shade(wide.means, wide.sh, torch.as_tensor(camera.centre), None)

    rows, columns = torch.meshgrid(torch.arange(camera.height), torch.arange(camera.width), indexing="ij")
    pixels = torch.stack([columns, rows], dim=-1) + 0.5
    order = torch.argsort(z.detach().to(torch.float32), stable=True)
    order = order[(z > 0.01)[order] & (opacities > 1 / 255)[order]]
    offsets = pixels - screen_means[order][:, None, None]
    raw = opacities[order][:, None, None] * torch.exp(
        -0.5 * torch.einsum("khwi,kij,khwj->khw", offsets, inverse[order], offsets)
    )
    alphas = torch.where(raw >= 1 / 255, raw.clamp(max=0.999), 0.0)
    # Transmittance only falls, so counting splats behind a closed pixel into it keeps that pixel closed.
    before = torch.cumprod(torch.cat([torch.ones_like(alphas[:1]), 1 - alphas[:-1]]), dim=0)
    weights = torch.where(before >= 1e-4, before * alphas, 0.0)
    image = torch.einsum("khw,kc->chw", weights, colors[order])
    image = image + (1 - weights.sum(dim=0)) * torch.tensor(background, dtype=torch.float64)[:, None, None]

    reach = torch.sqrt(2 * torch.log(opacities.clamp(min=1 / 255) * 255))
    extent = reach[:, None] * covariances.diagonal(dim1=1, dim2=2).sqrt()
    size = torch.tensor([camera.width, camera.height])
    inside = (screen_means + extent > 0.5) & (screen_means - extent < size - 0.5)
    visible = (inside.all(dim=1) & (z > 0.01) & (opacities > 1 / 255)).detach()
    if not depth:
        return Picture(image, screen_means, visible)
    alpha = weights.sum(dim=0)
    expected = torch.einsum("khw,k->hw", weights, z[order]) / torch.where(alpha > 0, alpha, 1.0)
    return Picture(image, screen_means, visible, expected, alpha)

"""The backend ``cuda`` of :func:`maquette.recon.rasterize.rasterize`: every output, through gsplat."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from maquette.recon.cameras import Camera
from maquette.recon.cuda.gpu import open_gpu
from maquette.recon.cuda.median import median_depth
from maquette.recon.cuda.rasterizing import gsplat_frame
from maquette.recon.cuda.state import Splats, to_device
from maquette.recon.cuda.views import NEAR, camera_on, in_view
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize import Output, Rendering


def rasterize(
    gaussians: Gaussians,
    camera: Camera,
    *,
    background: tuple[float, float, float],
    sh_degree: int,
    near: float,
    far: float,
    outputs: Collection[Output],
) -> Rendering:
    """Render on the GPU. Raises the errors of :func:`maquette.recon.cuda.gpu.open_gpu`."""
    splats = to_device(gaussians, open_gpu())
    splats.sh = splats.sh[:, : (sh_degree + 1) ** 2]
    found = render(splats, camera, background=background, near=near, far=far, outputs=outputs)
    return Rendering({name: found[name].cpu().numpy() for name in outputs})


def render(
    splats: Splats,
    camera: Camera,
    *,
    background: tuple[float, float, float],
    near: float,
    far: float,
    outputs: Collection[Output],
) -> dict[Output, Tensor]:
    """The outputs asked for, and those that come with them, on the splats' device."""
    view = camera_on(camera, splats.means.device)
    size = (camera.height, camera.width)
    indices = in_view(splats, view, near=near, far=far)
    contribution = splats.means.new_zeros(len(splats))
    if len(indices) == 0:
        plain = splats.means.new_tensor(background).expand(*size, 3).contiguous()
        nothing = splats.means.new_zeros(size)
        return {
            "image": plain,
            "alpha": nothing,
            "depth": nothing,
            "median_depth": nothing,
            "contribution": contribution,
            "visible": contribution > 0,
        }
    counted = "contribution" in outputs or "visible" in outputs
    with torch.set_grad_enabled(counted):
        rows = splats.changed(lambda tensor: tensor[indices])
        rows.sh.requires_grad_(counted)
        image, alpha, info = gsplat_frame(rows, view, background, near=near, far=far, depth=True)
        if counted:
            # A splat's blending weights sum to the gradient of one plane's sum with respect to its colour there.
            (by_color,) = torch.autograd.grad(image[..., 0].sum(), info["colors"])
            contribution[indices] = by_color.reshape(-1, 3)[:, 0].to(contribution.dtype)
    with torch.no_grad():
        found: dict[Output, Tensor] = {
            "image": image[..., :3].detach().contiguous(),
            "alpha": alpha.detach(),
            "depth": torch.where(alpha > 0, image[..., 3], 0.0).detach(),
            "contribution": contribution,
            "visible": contribution > 0,
        }
        if "median_depth" in outputs:
            found["median_depth"] = median_depth(
                info["means2d"][0],
                info["conics"][0],
                info["opacities"][0],
                info["depths"][0],
                info["isect_offsets"][0],
                info["flatten_ids"],
                camera.width,
                camera.height,
            )
    return found


def planes(splats: Splats, camera: Camera, background: tuple[float, float, float]) -> ndarray:
    """Colour planes (3, h, w) as the CPU engine's frames have them, for evaluation without moving the model."""
    asked: tuple[Output, ...] = ("image",)
    image = render(splats, camera, background=background, near=NEAR, far=float("inf"), outputs=asked)["image"]
    return np.ascontiguousarray(image.permute(2, 0, 1).cpu().numpy())

"""What the engine asks of a rasteriser, and gsplat's kernels behind it.

gsplat 1.5 has our conventions (OpenCV axes, pixel centres at +0.5, quaternions wxyz, 0.3 px low-pass, alpha from 1/255
to 0.999) but one: like 3DGS it leaves out the splat that would close a pixel (transmittance to 1e-4 or less), so up to
a tenth of the background shows through where one splat of full opacity closes it; ours takes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from maquette.recon.cuda.state import Splats
from maquette.recon.cuda.views import LOW_PASS, NEAR, DeviceCamera

GSPLAT_FAR = 1e10
"""gsplat's own default: it takes no infinity."""
TILE = 16


@dataclass(frozen=True, eq=False)
class Picture:
    """A rendered image and what density control needs of it.

    ``image`` is sRGB 0 to 1, unclipped, over the background, and differentiable; ``screen_means`` (pixels) get their
    ``grad`` from its backward pass; ``visible`` are splats whose ellipse touches the image. ``depth`` (expected, world
    units along z, differentiable) and ``alpha`` are there where the depth was asked for.
    """

    image: Float[Tensor, "3 h w"]
    screen_means: Float[Tensor, "*one v 2"]
    visible: Bool[Tensor, " v"]
    depth: Float[Tensor, "h w"] | None = None
    alpha: Float[Tensor, "h w"] | None = None


DeviceRasterizer: TypeAlias = Callable[[Splats, DeviceCamera, tuple[float, float, float], bool], Picture]
"""Renders, over a background (sRGB 0 to 1), splats that :func:`maquette.recon.cuda.views.in_view` chose, at least one,
with all the harmonics they bring; and their depth where the last argument asks for it."""


def rasterize_with_gsplat(
    splats: Splats, view: DeviceCamera, background: tuple[float, float, float], depth: bool = False
) -> Picture:
    """The rasteriser of production: gsplat on CUDA."""
    image, alpha, info = gsplat_frame(splats, view, background, depth=depth)
    info["means2d"].retain_grad()
    visible = (info["radii"][0] > 0).all(dim=-1)
    colors = image[..., :3].permute(2, 0, 1)
    if not depth:
        return Picture(colors, info["means2d"], visible)
    return Picture(colors, info["means2d"], visible, image[..., 3], alpha)


def gsplat_frame(
    splats: Splats,
    view: DeviceCamera,
    background: tuple[float, float, float],
    *,
    near: float = NEAR,
    far: float = GSPLAT_FAR,
    depth: bool = False,
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Image (h w 3, or 4 with the expected depth), alpha (h w) and gsplat's intermediate results, not packed.

    Not packed, because :func:`in_view` has left out already what packing would save. Colours are shaded here: given
    harmonics, gsplat inverts the pose in every frame, and waits for the device to do so.
    """
    import gsplat

    degree = round(splats.sh.shape[1] ** 0.5) - 1
    colors = gsplat.spherical_harmonics(degree, splats.means - view.centre, splats.sh)
    colors = torch.clamp_min(colors + 0.5, 0.0)
    images, alphas, info = gsplat.rasterization(
        means=splats.means,
        quats=splats.quaternions,
        scales=torch.exp(splats.log_scales),
        opacities=torch.sigmoid(splats.opacity_logits),
        colors=colors,
        viewmats=view.camera_from_world[None],
        Ks=view.intrinsics[None],
        width=view.camera.width,
        height=view.camera.height,
        near_plane=near,
        far_plane=min(far, GSPLAT_FAR),
        eps2d=LOW_PASS,
        packed=False,
        tile_size=TILE,
        backgrounds=_background_on(background, colors.device) if any(background) else None,
        render_mode="RGB+ED" if depth else "RGB",
        rasterize_mode="classic",
    )
    info["colors"] = colors
    return images[0], alphas[0, ..., 0], info


@lru_cache(maxsize=8)
def _background_on(background: tuple[float, float, float], device: torch.device) -> Tensor:
    # Uploaded once: an upload waits for the device.
    return torch.tensor([background], dtype=torch.float32, device=device)

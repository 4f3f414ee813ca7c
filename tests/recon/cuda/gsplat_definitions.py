"""gsplat without a GPU: its own Python over its own plain-torch definitions, in place of its CUDA kernels.

What this shows on any machine is that our calls fit gsplat's interface and that its conventions are ours (axes, pixel
centres, low-pass, slopes, harmonics, screen gradients). What only its kernels know is not shown.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor


def put_definitions_behind_gsplat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the kernels for the rest of this test; skips the test where gsplat is not installed."""
    gsplat = pytest.importorskip("gsplat", reason="gsplat is not installed: pip install 'maquette[cuda]'")
    from gsplat import rendering
    from gsplat.cuda import _torch_impl as definitions

    def project(means: Tensor, covars: None, quats: Tensor, scales: Tensor, *places: Any, **names: Any) -> Any:
        covariances, _ = definitions._quat_scale_to_covar_preci(quats, scales, compute_preci=False, triu=False)
        known = ("eps2d", "near_plane", "far_plane", "calc_compensations", "camera_model")
        return definitions._fully_fused_projection(means, covariances, *places, **{name: names[name] for name in known})

    def list_tiles(means2d: Tensor, radii: Tensor, depths: Tensor, *places: Any, **names: Any) -> Any:
        return definitions._isect_tiles(means2d.detach(), radii, depths.detach(), *places)

    monkeypatch.setattr(rendering, "fully_fused_projection", project)
    monkeypatch.setattr(rendering, "isect_tiles", list_tiles)
    monkeypatch.setattr(rendering, "isect_offset_encode", definitions._isect_offset_encode)
    monkeypatch.setattr(rendering, "rasterize_to_pixels", rasterize_to_pixels)
    monkeypatch.setattr(gsplat, "spherical_harmonics", definitions._spherical_harmonics)


def rasterize_to_pixels(
    means2d: Tensor,
    conics: Tensor,
    colors: Tensor,
    opacities: Tensor,
    width: int,
    height: int,
    tile_size: int,
    offsets: Tensor,
    flatten_ids: Tensor,
    backgrounds: Tensor | None = None,
    packed: bool = False,
    absgrad: bool = False,
) -> tuple[Tensor, Tensor]:
    """What gsplat documents: alpha from 1/255 to 0.999; the splat after which less than 1e-4 is left is left out."""
    assert not packed
    starts = [*offsets.flatten().tolist(), len(flatten_ids)]
    rows = []
    for j in range(offsets.shape[1]):
        tiles = []
        for i in range(offsets.shape[2]):
            at = j * offsets.shape[2] + i
            ids = flatten_ids[starts[at] : starts[at + 1]].long()
            y, x = torch.meshgrid(
                torch.arange(j * tile_size, min(height, (j + 1) * tile_size)) + 0.5,
                torch.arange(i * tile_size, min(width, (i + 1) * tile_size)) + 0.5,
                indexing="ij",
            )
            dx, dy = x - means2d[0, ids, 0][:, None, None], y - means2d[0, ids, 1][:, None, None]
            a, b, c = (conics[0, ids, k][:, None, None] for k in range(3))
            raw = opacities[0, ids][:, None, None] * torch.exp(-(0.5 * (a * dx * dx + c * dy * dy) + b * dx * dy))
            alphas = torch.where(raw >= 1 / 255, raw.clamp(max=0.999), 0.0)
            after = torch.cumprod(1 - alphas, dim=0)
            before = torch.cat([torch.ones_like(x)[None], after])[:-1]
            weights = torch.where(after > 1e-4, before * alphas, 0.0)
            left = (1 - weights.sum(dim=0))[..., None]
            shown = torch.einsum("kyx,kc->yxc", weights, colors[0, ids])
            shown = shown if backgrounds is None else shown + left * backgrounds[0]
            tiles.append(torch.cat([shown, 1 - left], dim=-1))
        rows.append(torch.cat(tiles, dim=1))
    picture = torch.cat(rows)[None]
    return picture[..., :-1], picture[..., -1:]

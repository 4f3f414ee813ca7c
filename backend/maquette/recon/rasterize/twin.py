"""The definition of the rasteriser: plain torch in float64, every Gaussian at every pixel, gradients by autograd.

Slow on purpose; it shares no code with the kernels it judges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maquette.errors import UnavailableError
from maquette.recon.cameras import Camera

if TYPE_CHECKING:
    from torch import Tensor


class TorchMissingError(UnavailableError):
    """The twin needs torch, which the default install leaves out."""

    code = "torch_missing"


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise TorchMissingError(
            "The reference rasteriser needs torch, which is not installed.",
            suggestion="Install the development extra: pip install 'maquette[dev]'.",
        ) from error
    return torch


def rasterize(
    means: Tensor,
    log_scales: Tensor,
    quaternions: Tensor,
    opacity_logits: Tensor,
    sh: Tensor,
    camera: Camera,
    *,
    background: tuple[float, float, float] = (0.0, 0.0, 0.0),
    sh_degree: int | None = None,
    near: float = 0.01,
    far: float = float("inf"),
) -> dict[str, Tensor]:
    """Render float64 parameters, shaped as in :class:`Gaussians`; returns every output of :class:`Rendering`, those
    that can be differentiated differentiable (Kerbl et al. 2023, sections 4 to 6).
    """
    torch = _torch()
    pose = torch.as_tensor(camera.camera_from_world, dtype=means.dtype)
    height, width = camera.height, camera.width
    points = means @ pose[:3, :3].T + pose[:3, 3]
    opacities = torch.sigmoid(opacity_logits)
    keep = (points[:, 2] > near) & (points[:, 2] < far) & (opacities > 1 / 255)
    order = torch.nonzero(keep).flatten()
    order = order[torch.argsort(points[order, 2].to(torch.float32), stable=True)]
    covariances = screen_covariances(points[order], log_scales[order], quaternions[order], pose[:3, :3], camera)
    bounded = torch.linalg.det(covariances.detach()) < 1e30
    order, covariances = order[bounded], covariances[bounded]
    points, opacities = points[order], opacities[order]
    inverse = torch.linalg.inv(covariances)
    x, y, z = points.unbind(-1)
    centres = torch.stack([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy], dim=-1)
    colors = shade(means[order], sh[order], torch.as_tensor(camera.centre, dtype=means.dtype), sh_degree)

    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([columns, rows], dim=-1).to(means.dtype) + 0.5
    transmittance = torch.ones(height, width, dtype=means.dtype)
    image = torch.zeros(height, width, 3, dtype=means.dtype)
    depth, median_depth = torch.zeros_like(transmittance), torch.zeros_like(transmittance)
    contribution = torch.zeros(len(means), dtype=means.dtype)
    for k in range(len(order)):
        offsets = pixels - centres[k]
        exponent = -0.5 * torch.einsum("hwi,ij,hwj->hw", offsets, inverse[k], offsets)
        raw = opacities[k] * torch.exp(exponent)
        taken = (raw >= 1 / 255) & (transmittance >= 1e-4)
        alpha = torch.where(taken, torch.clamp(raw, max=0.999), 0.0)
        weight = transmittance * alpha
        after = transmittance - weight
        image = image + weight[..., None] * colors[k]
        depth = depth + weight * z[k]
        contribution[order[k]] = weight.detach().sum()
        median_depth = torch.where((transmittance > 0.5) & (after <= 0.5), z[k], median_depth)
        transmittance = after
    alpha = 1 - transmittance
    return {
        "image": image + transmittance[..., None] * torch.as_tensor(background, dtype=means.dtype),
        "alpha": alpha,
        "depth": torch.where(alpha > 0, depth / torch.where(alpha > 0, alpha, 1.0), 0.0),
        "median_depth": median_depth,
        "contribution": contribution,
        "visible": contribution > 0,
    }


def screen_covariances(
    points: Tensor, log_scales: Tensor, quaternions: Tensor, rotation: Tensor, camera: Camera
) -> Tensor:
    """2x2 covariances in square pixels, with the 0.3 px low-pass, of Gaussians at camera-space ``points``."""
    torch = _torch()
    w, x, y, z = (quaternions / quaternions.norm(dim=-1, keepdim=True).clamp(min=1e-12)).unbind(-1)
    turns = torch.stack(
        [
            torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], dim=-1),
            torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], dim=-1),
            torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], dim=-1),
        ],
        dim=-2,
    )
    halves = turns * torch.exp(log_scales)[:, None, :]
    in_world = halves @ halves.transpose(1, 2)
    px, py, pz = points.unbind(-1)
    margin_x, margin_y = 0.15 * camera.width / camera.fx, 0.15 * camera.height / camera.fy
    slope_x = torch.clamp(px / pz, -camera.cx / camera.fx - margin_x, (camera.width - camera.cx) / camera.fx + margin_x)
    slope_y = torch.clamp(
        py / pz, -camera.cy / camera.fy - margin_y, (camera.height - camera.cy) / camera.fy + margin_y
    )
    zero = torch.zeros_like(pz)
    jacobian = torch.stack(
        [
            torch.stack([camera.fx / pz, zero, -camera.fx * slope_x / pz], dim=-1),
            torch.stack([zero, camera.fy / pz, -camera.fy * slope_y / pz], dim=-1),
        ],
        dim=-2,
    )
    full = jacobian @ rotation
    covariances: Tensor = full @ in_world @ full.transpose(1, 2) + 0.3 * torch.eye(2, dtype=points.dtype)
    return covariances


def shade(means: Tensor, sh: Tensor, centre: Tensor, sh_degree: int | None) -> Tensor:
    """Colours (n, 3), at least 0, of Gaussians seen from ``centre``: Legendre polynomials, not a table of constants."""
    torch = _torch()
    degree = round(sh.shape[1] ** 0.5) - 1
    degree = degree if sh_degree is None else min(degree, sh_degree)
    directions = means - centre
    x, y, z = (directions / directions.norm(dim=-1, keepdim=True).clamp(min=1e-12)).unbind(-1)
    values = []
    for band in range(degree + 1):
        for order in range(-band, band + 1):
            values.append(_harmonic(band, order, x, y, z))
    table = torch.stack(values, dim=-1)
    colors: Tensor = torch.clamp(torch.einsum("nk,nkc->nc", table, sh[:, : table.shape[1]]) + 0.5, min=0.0)
    return colors


def _harmonic(band: int, order: int, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Real spherical harmonic with the Condon-Shortley sign, from associated Legendre recurrences (Sloan 2008)."""
    from math import factorial, pi, sqrt

    torch = _torch()
    m = abs(order)
    # (x + iy)^m = cosine + i sine carries sin(theta)^m, so the polynomials below are P_l^m / sin(theta)^m.
    cosine, sine = torch.ones_like(x), torch.zeros_like(x)
    for _ in range(m):
        cosine, sine = cosine * x - sine * y, cosine * y + sine * x
    before = torch.zeros_like(z)
    legendre = torch.full_like(z, float((-1) ** m * factorial(2 * m) // (2**m * factorial(m))))
    for degree in range(m + 1, band + 1):
        before, legendre = (
            legendre,
            ((2 * degree - 1) * z * legendre - (degree + m - 1) * before) / (degree - m),
        )
    scale = sqrt((2 * band + 1) / (4 * pi) * factorial(band - m) / factorial(band + m))
    value: Tensor = scale * legendre
    if order != 0:
        value = sqrt(2) * value * (cosine if order > 0 else sine)
    return value

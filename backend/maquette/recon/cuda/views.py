"""Cameras and photos on a device, and which splats a camera can see at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from maquette.recon.cameras import Camera
from maquette.recon.cuda.state import Splats
from maquette.recon.photos import Photo

NEAR = 0.01
"""Splats nearer to the camera plane than this are dropped, world units; the CPU engine's default."""
MIN_ALPHA = 1 / 255
REACH = 3.34
"""Standard deviations at which even an opaque splat is fainter than 1/255: sqrt(2 ln 255) = 3.329, and a little."""
LOW_PASS = 0.3
"""Variance that the rasteriser adds to every splat, square pixels (EWA)."""
ROUNDING_PX = 1.0
"""gsplat rounds half extents up to whole pixels; a splat that it would keep must not be lost here."""


@dataclass(frozen=True, eq=False)
class DeviceCamera:
    """A camera whose matrices lie on a device, so that no iteration uploads them. World units and pixels."""

    camera: Camera
    camera_from_world: Float32[Tensor, "4 4"]
    intrinsics: Float32[Tensor, "3 3"]
    centre: Float32[Tensor, " 3"]


@dataclass(frozen=True, eq=False)
class DevicePhoto:
    """A :class:`maquette.recon.photos.Photo` on a device: colours in 8 bit, a quarter of what floats would take."""

    camera: DeviceCamera
    pixels: UInt8[Tensor, "3 h w"]
    name: str = ""
    weights: UInt8[Tensor, "h w"] | None = None
    inverse_depth: Float32[Tensor, "h w"] | None = None


def camera_on(camera: Camera, device: torch.device) -> DeviceCamera:
    """``camera`` with its matrices on ``device``."""
    intrinsics = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])

    def upload(array: np.ndarray) -> Tensor:
        return torch.tensor(np.asarray(array, np.float32), device=device)

    return DeviceCamera(camera, upload(camera.camera_from_world), upload(intrinsics), upload(camera.centre))


def photo_on(photo: Photo, device: torch.device) -> DevicePhoto:
    """``photo`` on ``device``."""

    def upload(array: np.ndarray | None) -> Tensor | None:
        return None if array is None else torch.tensor(array, device=device)

    return DevicePhoto(
        camera_on(photo.camera, device),
        torch.tensor(photo.pixels, device=device),
        photo.name,
        upload(photo.weights),
        upload(photo.inverse_depth),
    )


def in_view(
    splats: Splats, view: DeviceCamera, *, near: float = NEAR, far: float = float("inf")
) -> Int64[Tensor, " v"]:
    """Indices, increasing, of all splats that may touch the image: rather too many than one too few.

    The half extent is bounded by that of a ball of the longest axis, through the projection's Jacobian with its slopes
    limited as in the rasteriser. Waits for the device once, to learn how many there are.
    """
    camera = view.camera
    with torch.no_grad():
        points = splats.means @ view.camera_from_world[:3, :3].T + view.camera_from_world[:3, 3]
        x, y, z = points.unbind(1)
        variance = torch.exp(2 * splats.log_scales.amax(dim=1))
        keep = (z > near) & (z < far) & (torch.sigmoid(splats.opacity_logits) > MIN_ALPHA)
        for along, focal, principal, size in (
            (x, camera.fx, camera.cx, camera.width),
            (y, camera.fy, camera.cy, camera.height),
        ):
            slope = along / z
            margin = 0.15 * size / focal
            steepest = max(principal, size - principal) / focal + margin
            spread = variance * (focal / z) ** 2 * (1 + slope.clamp(-steepest, steepest) ** 2) + LOW_PASS
            extent = REACH * spread.sqrt() + ROUNDING_PX
            at = focal * slope + principal
            keep &= (at + extent > 0) & (at - extent < size)
        indices: Int64[Tensor, " v"] = keep.nonzero().flatten()
    return indices

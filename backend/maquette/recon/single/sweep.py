"""What another camera would see of a relief, and what of it nobody knows.

Planes of constant depth are swept from near to far (Collins 1996); along them each of the new camera's rays walks
through the input picture until it is behind the relief. Through the surface: it has met what was seen. From the side:
it has entered what the input view hides, and what it meets there is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.single.surface import Relief

STRETCHED = 0.25
"""Share of an input pixel under a new pixel below which the new one shows nothing but the same smeared out."""
TEAR = 0.05
"""Step of the depth, of itself, between two stations of a ray that is an edge and no slope."""
_PLANE_PX = 1.5
_MOST_PLANES = 96


@dataclass(frozen=True, eq=False)
class Seen:
    """A view of a relief: black where nothing is or is known; ``depth`` along its z, world units, 0 where not met.

    ``known``: the ray met what was seen, or is known to meet nothing. ``unknown_share``: of the rays that meet
    something, or may, those of which nobody knows what.
    """

    pixels: UInt8[ndarray, "h w 3"]
    depth: Float32[ndarray, "h w"]
    known: Bool[ndarray, "h w"]
    unknown_share: float


def look(relief: Relief, camera: Camera) -> Seen:
    """Look at ``relief`` with ``camera``, which must look about the way the relief's own does (within 60 degrees)."""
    source = relief.camera
    to_source = source.camera_from_world @ camera.world_from_camera
    x, y = np.meshgrid(
        ((np.arange(camera.width) + 0.5 - camera.cx) / camera.fx).astype(np.float32),
        ((np.arange(camera.height) + 0.5 - camera.cy) / camera.fy).astype(np.float32),
    )
    rotation, origin = to_source[:3, :3].astype(np.float32), to_source[:3, 3].astype(np.float32)
    along = [rotation[i, 0] * x + rotation[i, 1] * y + rotation[i, 2] for i in range(3)]

    near = 0.98 * float(relief.depth[relief.inside].min())
    far = 1.02 * float(relief.depth[relief.inside].max())
    if not relief.whole:
        far += float(relief.behind[relief.inside].max())
    inside_plane = relief.inside.astype(np.float32)
    shape = (camera.height, camera.width)
    waiting, met, lost = np.ones(shape, np.bool_), np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    hit_u, hit_v, hit_z = (np.zeros(shape, np.float32) for _ in range(3))
    before: tuple[ndarray, ...] | None = None
    for z in _stations(relief, origin, near, far):
        ahead = (z - origin[2]) / along[2]
        u = source.fx * (origin[0] + ahead * along[0]) / z + source.cx
        v = source.fy * (origin[1] + ahead * along[1]) / z + source.cy
        surface = cv2.remap(relief.depth, u - 0.5, v - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        there = cv2.remap(inside_plane, u - 0.5, v - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT) >= 0.5
        gap = z - surface
        thick = cv2.remap(relief.behind, u - 0.5, v - 0.5, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
        within = there & (gap >= 0) & (gap <= thick)
        if before is not None:
            old_gap, old_there, old_surface, old_u, old_v, old_z = before
            crossed = waiting & there & old_there & (old_gap < 0) & (gap >= 0)
            through = crossed & (np.abs(surface - old_surface) <= TEAR * surface)
            share = np.where(through, -old_gap / np.maximum(gap - old_gap, 1e-12), 0).astype(np.float32)
            hit_u[through] = (old_u + share * (u - old_u))[through]
            hit_v[through] = (old_v + share * (v - old_v))[through]
            hit_z[through] = (old_z + share * (z - old_z))[through]
            met |= through
            waiting &= ~through
            within |= crossed & ~through
        within &= waiting
        lost |= within
        waiting &= ~within
        before = (gap, there, surface, u, v, z)

    smeared = met & (_area(hit_u, hit_v, met) < STRETCHED * source.fx * source.fy / (camera.fx * camera.fy))
    met &= ~smeared
    lost |= smeared
    if relief.whole:
        lost |= waiting
    pixels = cv2.remap(relief.pixels, hit_u - 0.5, hit_v - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    pixels[~met] = 0
    # Along the new camera's axis: the third row of its rotation, of a place in the input camera's frame.
    places = np.stack(
        [(hit_u - source.cx) / source.fx * hit_z, (hit_v - source.cy) / source.fy * hit_z, hit_z], axis=-1
    )
    depth = np.where(met, (places - origin) @ rotation[:, 2], 0).astype(np.float32)
    share_unknown = float(lost.sum() / max(1, (lost | met).sum()))
    return Seen(pixels, depth, ~lost, share_unknown)


def _stations(relief: Relief, origin: Float32[ndarray, " 3"], near: float, far: float) -> Float32[ndarray, " n"]:
    """Depths even in their inverse, so that a ray moves about as many pixels between each two."""
    sideways = float(np.hypot(origin[0], origin[1])) + 0.1 * abs(float(origin[2]))
    moved_px = max(relief.camera.fx, relief.camera.fy) * sideways * (1 / near - 1 / far)
    count = int(np.clip(np.ceil(moved_px / _PLANE_PX), 24, _MOST_PLANES))
    stations: Float32[ndarray, " n"] = (1 / np.linspace(1 / near, 1 / far, count)).astype(np.float32)
    return stations


def _area(u: Float32[ndarray, "h w"], v: Float32[ndarray, "h w"], met: Bool[ndarray, "h w"]) -> Float32[ndarray, "h w"]:
    """Input pixels under each new pixel; 1 beside what was not met, where nothing can be told."""
    whole = cv2.erode(met.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_)
    # Over three pixels: a single one says more of rounding than of slope.
    u, v = (np.asarray(cv2.blur(plane, (3, 3)), np.float32) for plane in (u, v))
    (u_down, u_right), (v_down, v_right) = np.gradient(u), np.gradient(v)
    area = np.abs(u_right * v_down - u_down * v_right)
    return np.where(whole, area, np.float32(1e9)).astype(np.float32)

"""Draws one picture: what the child process does with a job. Imports the engine, so only the child imports this."""

from __future__ import annotations

import io
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray
from PIL import Image

from maquette.recon.cameras import Camera, camera_from_dict
from maquette.recon.depth.maps import MIN_ALPHA, heatmap, write_depth_map
from maquette.recon.evaluate import Comparison, compare
from maquette.recon.formats import format_named
from maquette.recon.gaussians import Gaussians
from maquette.recon.gaussians.previews import side_by_side
from maquette.recon.heatmap import COLOURS, ERROR_FULL, error_heatmap, pixel_error
from maquette.recon.metrics import psnr, ssim
from maquette.recon.photos import training_size
from maquette.recon.rasterize import rasterize
from maquette.recon.scene import Scene, View
from maquette.recon.viewpoints import camera_of_numbers, look_at
from maquette.rendering.jobs import BESIDE_THE_PHOTO, AnyCamera, FreeCamera, Job, Look, SourceCamera
from maquette.rendering.pictures import Picture

QUALITY = 90
"""Of JPEG and WebP."""
MODELS_HELD = 2
"""Whoever compares looks at two versions by turns."""


@lru_cache(MODELS_HELD)
def load(model: Path) -> Gaussians:
    """A model, which stays in memory: files of the cache are named by their contents."""
    gaussians: Gaussians = format_named("ply").read(model)
    return gaussians


def draw(job: Job) -> Picture:
    """The picture that a job asks for. Raises the errors of cameras, models and photos."""
    look = job.look
    gaussians = load(job.model)
    if look.output in BESIDE_THE_PHOTO:
        return _beside_photo(gaussians, job)
    camera = camera_of(look.camera)
    if look.output == "depth":
        return _depth(gaussians, camera, look)
    if look.output == "alpha":
        opacity = rasterize(gaussians, camera, outputs=["alpha"])
        return _picture(_to_8_bit(opacity.alpha), look, {})
    rendering = rasterize(gaussians, camera, background=look.background, outputs=["image"])
    return _picture(_to_8_bit(rendering.image), look, {})


def camera_of(asked: AnyCamera) -> Camera:
    """The camera that a look names, at the size of its picture. Raises ``bad_camera``."""
    if isinstance(asked, SourceCamera):
        camera = camera_from_dict(asked.camera)
        return camera if asked.long_side is None else camera.resized(*training_size(camera, 1.0, asked.long_side))
    if isinstance(asked, FreeCamera):
        return look_at(
            asked.position,
            asked.target,
            up=asked.up,
            vertical_fov_deg=asked.fov,
            width=asked.width,
            height=asked.height,
        )
    return camera_of_numbers(
        asked.camera_from_world, asked.fx, asked.fy, asked.cx, asked.cy, width=asked.width, height=asked.height
    )


def _beside_photo(gaussians: Gaussians, job: Job) -> Picture:
    look, seen = job.look, _seen(gaussians, job)
    error = pixel_error(seen.render, seen.photo)
    facts = {
        "psnr": psnr(seen.render, seen.photo, seen.weights),
        "ssim": ssim(seen.render, seen.photo, seen.weights),
        "error_scale": {
            "quantity": "root mean square over red, green and blue of sRGB differences, 1: a channel's full range",
            "from": 0.0,
            "to": ERROR_FULL,
            "above": "as the end of the scale",
            "colours": COLOURS,
        },
    }
    heat = error_heatmap(error)
    if look.output == "error":
        return _picture(heat, look, facts)
    labels = ["photo", look.label, f"error 0 to {ERROR_FULL:g}"]
    return _picture(side_by_side([seen.photo, seen.render, heat], labels), look, facts)


def _seen(gaussians: Gaussians, job: Job) -> Comparison:
    """Photo and render exactly as they are measured."""
    if job.photo is None or not isinstance(job.look.camera, SourceCamera):
        raise ValueError(f"{job.look.output} without a photo and its camera")
    view = View("the view", camera_from_dict(job.look.camera.camera), job.photo)
    scene = Scene((view,), np.empty((0, 3)), np.empty((0, 3), np.uint8))
    [seen] = compare(gaussians, scene, [0], max_side_px=job.look.camera.long_side, background=job.look.background)
    return seen


def _depth(gaussians: Gaussians, camera: Camera, look: Look) -> Picture:
    """As a PNG the depth itself, in steps of so many world units; otherwise colours to look at."""
    rendering = rasterize(gaussians, camera, outputs=("median_depth", "alpha"))
    depth, alpha = rendering.median_depth, rendering.alpha
    with tempfile.TemporaryDirectory() as folder:
        written = write_depth_map(depth, alpha, Path(folder) / "depth")
        facts = {
            "depth": {
                "unit": "world units along the camera's z axis",
                "nearest": written.depth_min,
                "farthest": written.depth_max,
                "coverage": written.coverage,
            }
        }
        if look.format == "png":
            facts["depth"]["units_per_step"] = written.units_per_step
            data = written.depth_path.read_bytes()
            return Picture(data, {"width": camera.width, "height": camera.height, **facts})
    facts["depth"]["colours"] = "turbo, near red, far blue, from the 1st to the 99th percentile"
    valid = np.isfinite(depth) & (depth > 0) & (alpha >= MIN_ALPHA)
    return _picture(heatmap(depth, valid), look, facts)


def _to_8_bit(values: Float32[ndarray, ...]) -> UInt8[ndarray, ...]:
    return np.clip(np.rint(values * 255.0), 0, 255).astype(np.uint8)


def _picture(pixels: UInt8[ndarray, ...], look: Look, facts: dict[str, Any]) -> Picture:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, look.format.upper(), quality=QUALITY)
    return Picture(target.getvalue(), {"width": int(pixels.shape[1]), "height": int(pixels.shape[0]), **facts})

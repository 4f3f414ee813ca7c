"""What the metrics say of a model that is made worse on purpose: floaters added, Gaussians moved.

    python -m bench.worse SCENE MODEL.ply [--size 400] [--seed 0] [--cache DIR]

SCENE as `maquette splat train` takes it. Prints a markdown table: PSNR, SSIM and depth consistency of the held-out
views, and what overall quality becomes with and without depth consistency. Floaters are grey blobs of opacity 0.6
between a random camera and the middle of the model, their standard deviation 1 % of the scene's radius; depth noise
moves each Gaussian along its ray from the mean camera, by a normal share of its distance; jitter moves it anywhere,
by a normal share of the radius along each axis.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from maquette.recon.depth_consistency import depth_consistency
from maquette.recon.evaluate import evaluate
from maquette.recon.formats import format_named
from maquette.recon.gaussians import Gaussians
from maquette.recon.quality import Quality
from maquette.recon.scene import Scene
from maquette.recon.scene_files import load_scene

FLOATER_OPACITY, FLOATER_RADII = 0.6, 0.01
Worsening = Callable[[Gaussians, Scene, np.random.Generator], Gaussians]


def floaters(count: int) -> Worsening:
    def add(model: Gaussians, scene: Scene, rng: np.random.Generator) -> Gaussians:
        eyes = np.stack([view.camera.centre for view in scene.views])[rng.integers(0, len(scene.views), count)]
        share = rng.uniform(0.2, 0.8, (count, 1))
        means = eyes * (1 - share) + np.median(model.means, axis=0) * share
        means += rng.normal(0, 0.1 * scene.radius, means.shape)
        logit = np.log(FLOATER_OPACITY / (1 - FLOATER_OPACITY))
        added = {
            "means": means,
            "log_scales": np.full((count, 3), np.log(FLOATER_RADII * scene.radius)),
            "quaternions": np.tile([1.0, 0, 0, 0], (count, 1)),
            "opacity_logits": np.full(count, logit),
            "sh": np.zeros((count, *model.sh.shape[1:])),
        }
        return Gaussians(
            **{name: np.concatenate([getattr(model, name), new.astype(np.float32)]) for name, new in added.items()}
        )

    return add


def depth_noise(share: float) -> Worsening:
    def move(model: Gaussians, scene: Scene, rng: np.random.Generator) -> Gaussians:
        eye = np.mean([view.camera.centre for view in scene.views], axis=0)
        means = eye + (model.means - eye) * (1 + rng.normal(0, share, (len(model), 1)))
        return replace(model, means=means.astype(np.float32))

    return move


def jitter(share: float) -> Worsening:
    def move(model: Gaussians, scene: Scene, rng: np.random.Generator) -> Gaussians:
        means = model.means + rng.normal(0, share * scene.radius, model.means.shape)
        return replace(model, means=means.astype(np.float32))

    return move


def worsenings() -> Iterator[tuple[str, Worsening]]:
    yield "as trained", lambda model, scene, rng: model
    for count in (30, 100, 300, 1000):
        yield f"{count} floaters", floaters(count)
    for share in (0.01, 0.03, 0.1):
        yield f"depth noise {share:.0%}", depth_noise(share)
    for share in (0.005, 0.02):
        yield f"jitter {share:.1%}", jitter(share)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--size", type=int, default=400, help="long side of the comparison, px")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, help="of points that the scene does not bring; default: beside MODEL")
    asked = parser.parse_args()
    scene = load_scene(asked.scene, cache_dir=asked.cache or asked.model.parent / "cache")
    model = format_named("ply").read(asked.model)
    cameras, views = [view.camera for view in scene.views], scene.held_out
    print(f"{len(model)} Gaussians, {len(views)} held-out of {len(cameras)} views, load {os.getloadavg()[0]:.1f}\n")
    print("| model | PSNR | SSIM | depth consistency | overall | without depth | seconds of depth |")
    print("|---|---|---|---|---|---|---|")
    for name, worsen in worsenings():
        worse = worsen(model, scene, np.random.default_rng(asked.seed))
        began = time.perf_counter()
        shares = depth_consistency(worse, cameras, views)
        seconds = time.perf_counter() - began
        metrics = evaluate(worse, scene, views, max_side_px=asked.size)
        psnr, ssim = (float(np.mean([getattr(one, term) for one in metrics])) for term in ("psnr", "ssim"))
        depth = sum(shares.values()) / len(views)
        print(
            f"| {name} | {psnr:.2f} | {ssim:.3f} | {depth:.3f} | {Quality(psnr, ssim, None, depth).overall:.4f} "
            f"| {Quality(psnr, ssim).overall:.4f} | {seconds:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()

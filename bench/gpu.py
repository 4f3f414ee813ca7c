"""Seconds and decibels of the trainer on a GPU, beside gsplat's default trainer; prints a table, judges nothing.

    python bench/gpu.py [--scenes fox synthetic] [--budgets 7000 30000] [--trainers ours gsplat] [--out gpu.json]

fox: the capture at full resolution (1080x1920), every 8th photo held out. synthetic: a million splats on a bumpy ball
over a painted floor, photos rendered from them, trained from their places and colours with their number fixed.

ours: TrainSettings' defaults, one run for each budget with the schedule laid out for it. gsplat: a plain loop with what
its simple_trainer has by default in 1.5 (DefaultStrategy; rates 1.6e-4 times the scene's radius falling to a hundredth,
5e-3, 1e-3, 5e-2, 2.5e-3, 1.25e-4; a degree of harmonics every 1000 iterations; L1 and SSIM 4 to 1; fused Adam over all
splats), one run that is looked at at each budget. In its favour: photos wait on the GPU instead of in worker processes,
the first splats and the loss are ours (its own SSIM where fused_ssim is installed), and there is no viewer. Seconds are
those of training alone, the GPU waited for: loading, the first iteration and looking are outside, and so are 30
iterations beforehand that are thrown away.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

NEEDS = """On a bare machine with an NVIDIA GPU, in the checkout, Python 3.11 or later:
  pip install -e '.[cuda]'                           # torch for CUDA, gsplat
  nvcc --version                                     # gsplat compiles its kernels with it, once, for minutes:
                                                     # the CUDA toolkit of torch.version.cuda, or a prebuilt gsplat
  pip install pytest pytest-asyncio beartype && python -m pytest -m cuda tests/recon/cuda    # is it right?
  python bench/gpu.py                                # is it fast?"""
BLACK = (0.0, 0.0, 0.0)
Steps = Iterator[tuple[int, int, Callable[[], Any]]]
"""Iteration, number of splats and a way to get at the model."""


@dataclass(frozen=True)
class Look:
    """What a run had reached: seconds of training and the mean over held-out views (ssim only at a budget)."""

    scene: str
    trainer: str
    budget: int
    iteration: int
    gaussians: int
    seconds: float
    psnr: float
    ssim: float | None
    peak_gib: float


def ours(scene: Any, settings: Any, levels: Any, device: Any) -> Steps:
    from maquette.recon.cuda.engine import train_on_device
    from maquette.recon.cuda.state import to_device
    from maquette.recon.train import first_state, scene_scale, space_to_clear

    start = first_state(scene, settings, levels[0])
    clear = space_to_clear(scene, settings, levels[0])
    for step in train_on_device(settings, levels, start, scene_scale(scene), clear, device=device):
        yield step.iteration, step.gaussian_count, lambda step=step: to_device(step.gaussians, device)


def gsplat_default(scene: Any, settings: Any, levels: Any, device: Any) -> Steps:
    """``settings`` gives iterations, the seed, and by ``densify_until`` 0 a number of splats that stays."""
    import gsplat
    import torch

    from maquette.recon.cuda.loss import photometric_loss
    from maquette.recon.cuda.state import Splats, to_device
    from maquette.recon.cuda.views import photo_on
    from maquette.recon.initialize import gaussians_from_points
    from maquette.recon.train import scene_scale

    fused_ssim = None
    if find_spec("fused_ssim") is not None:
        from fused_ssim import fused_ssim
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    photos = [photo_on(photo, device) for photo in levels[0]]
    first = to_device(gaussians_from_points(scene.points, scene.colors, sh_degree=3), device)
    radius = scene_scale(scene)
    rates = {"means": 1.6e-4 * radius, "scales": 5e-3, "quats": 1e-3, "opacities": 5e-2, "sh0": 2.5e-3, "shN": 1.25e-4}
    values = (first.means, first.log_scales, first.quaternions, first.opacity_logits, first.sh[:, :1], first.sh[:, 1:])
    params = torch.nn.ParameterDict(
        {name: torch.nn.Parameter(value.contiguous()) for name, value in zip(rates, values, strict=True)}
    )
    on_gpu = device.type == "cuda"
    optimizers = {
        name: torch.optim.Adam([{"params": params[name], "lr": rate, "name": name}], eps=1e-15, fused=on_gpu)
        for name, rate in rates.items()
    }
    falling = torch.optim.lr_scheduler.ExponentialLR(optimizers["means"], gamma=0.01 ** (1 / settings.iterations))
    strategy = gsplat.DefaultStrategy(**({"refine_stop_iter": 0} if settings.densify_until == 0 else {}))
    strategy.check_sanity(params, optimizers)
    state = strategy.initialize_state(scene_scale=radius)
    waiting: list[int] = []

    def model() -> Splats:
        return Splats(
            params["means"].detach(),
            params["scales"].detach(),
            params["quats"].detach(),
            params["opacities"].detach(),
            torch.cat([params["sh0"], params["shN"]], dim=1).detach(),
        )

    for iteration in range(settings.iterations):
        waiting = waiting or rng.permutation(len(photos)).tolist()
        photo = photos[waiting.pop()]
        camera = photo.camera.camera
        images, _, info = gsplat.rasterization(
            means=params["means"],
            quats=params["quats"],
            scales=torch.exp(params["scales"]),
            opacities=torch.sigmoid(params["opacities"]),
            colors=torch.cat([params["sh0"], params["shN"]], dim=1),
            viewmats=photo.camera.camera_from_world[None],
            Ks=photo.camera.intrinsics[None],
            width=camera.width,
            height=camera.height,
            sh_degree=min(iteration // 1000, 3),
            packed=False,
            absgrad=False,
            rasterize_mode="classic",
        )
        strategy.step_pre_backward(params, optimizers, state, iteration, info)
        image = images[0].permute(2, 0, 1)
        if fused_ssim is None:
            loss = photometric_loss(image, photo.pixels, 0.2)
            torch.autograd.backward([image], [loss.gradient])
        else:
            wanted = photo.pixels.to(torch.float32) / 255.0
            (
                0.8 * (image - wanted).abs().mean() + 0.2 * (1 - fused_ssim(image[None], wanted[None], padding="valid"))
            ).backward()
        for optimizer in optimizers.values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        falling.step()
        strategy.step_post_backward(params, optimizers, state, iteration, info, packed=False)
        yield iteration + 1, len(params["means"]), model


TRAINERS = {"ours": ours, "gsplat": gsplat_default}


def watch(
    label: tuple[str, str], budgets: list[int], every: int, steps: Steps, photos: list[Any], looks: list[Look]
) -> None:
    """Run ``steps`` to their end, adding to ``looks`` every so often, with the clock stopped meanwhile."""
    import torch

    scene, trainer = label
    on_gpu = torch.cuda.is_available()
    seconds, began = 0.0, time.perf_counter()
    for iteration, count, model in steps:
        at_budget = iteration in budgets
        if iteration > 1 and iteration % every and not at_budget:
            continue
        if on_gpu:
            torch.cuda.synchronize()
        if iteration > 1:
            seconds += time.perf_counter() - began
            peak = torch.cuda.max_memory_allocated() / 2**30 if on_gpu else 0.0
            psnr, ssim = measured(model(), photos, with_ssim=at_budget)
            budget = iteration if at_budget else max(budgets)
            looks.append(Look(scene, trainer, budget, iteration, count, seconds, psnr, ssim, peak))
            print(f"  {trainer} {iteration:>6}: {seconds:7.1f} s  {psnr:.2f} dB  {count:,} splats", flush=True)
        elif on_gpu:
            torch.cuda.reset_peak_memory_stats()
        began = time.perf_counter()


def measured(model: Any, photos: list[Any], *, with_ssim: bool) -> tuple[float, float | None]:
    """Mean PSNR and SSIM over held-out photos, rounded to 8 bit, at the training resolution."""
    from maquette.recon import metrics
    from maquette.recon.cuda.rendering import planes
    from maquette.recon.evaluate import to_8_bit

    psnrs, ssims = [], []
    for photo in photos:
        shown, wanted = to_8_bit(planes(model, photo.camera, BLACK)), photo.pixels.transpose(1, 2, 0).copy()
        psnrs.append(metrics.psnr(shown, wanted))
        if with_ssim:
            ssims.append(metrics.ssim(shown, wanted))
    return float(np.mean(psnrs)), float(np.mean(ssims)) if with_ssim else None


def synthetic(folder: Path, count: int, views: int, width: int, height: int, device: Any) -> Any:
    """Splats on a bumpy ball over a floor, photos of them, and a scene that starts near the truth."""
    from maquette.recon.cameras import Camera
    from maquette.recon.cuda.rendering import planes
    from maquette.recon.cuda.state import to_device
    from maquette.recon.evaluate import to_8_bit
    from maquette.recon.gaussians import SH_C0, Gaussians
    from maquette.recon.scene import Scene, View

    rng = np.random.default_rng(0)
    directions = rng.standard_normal((count // 2, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    ball = directions * (1 + 0.1 * np.sin(7 * directions).prod(axis=1, keepdims=True))
    angle, distance = rng.uniform(0, 2 * np.pi, count - len(ball)), 3 * np.sqrt(rng.uniform(0, 1, count - len(ball)))
    floor = np.stack([distance * np.cos(angle), np.full_like(angle, 1.1), distance * np.sin(angle)], axis=1)
    means = np.concatenate([ball, floor])
    waves = sum(np.sin(f * means[:, [0, 1, 2]] + f * means[:, [1, 2, 0]]) / f**0.5 for f in (3, 11, 37, 120))
    colors = np.clip(0.5 + 0.25 * waves, 0.02, 0.98)
    spacing = np.sqrt((4 * np.pi + 9 * np.pi) / count)
    truth = Gaussians(
        means=means.astype(np.float32),
        log_scales=np.full((count, 3), np.log(0.7 * spacing), np.float32),
        quaternions=np.tile(np.float32([1, 0, 0, 0]), (count, 1)),
        opacity_logits=np.full(count, 3.0, np.float32),
        sh=((colors - 0.5) / SH_C0).astype(np.float32)[:, None],
    )
    splats, posed = to_device(truth, device), []
    for index in range(views):
        turn, rise = 2 * np.pi * index / views, np.deg2rad(15 + 30 * (index % 3) / 2)
        centre = 3.2 * np.array([np.cos(rise) * np.cos(turn), -np.sin(rise), np.cos(rise) * np.sin(turn)])
        forward = -centre / np.linalg.norm(centre)
        right = np.cross([0, 1, 0], forward)
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, :3] = np.stack([right, np.cross(forward, right), forward])
        pose[:3, 3] = -pose[:3, :3] @ centre
        focal = 0.9 * max(width, height)
        camera = Camera(width, height, focal, focal, width / 2, height / 2, pose)
        path = folder / f"{index:04d}.png"
        cv2.imwrite(str(path), to_8_bit(planes(splats, camera, BLACK))[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        posed.append(View(path.name, camera, path))
    nearby = means + rng.normal(0, 0.5 * spacing, means.shape)
    return Scene(tuple(posed), nearby, np.rint(255 * colors).astype(np.uint8))


def bench_scene(
    name: str, scene: Any, base: Any, arguments: argparse.Namespace, device: Any, looks: list[Look]
) -> None:
    """Every trainer on one scene."""
    from maquette.recon.cuda.gpu import free_gpu_bytes, refuse_without_gpu_memory, training_gpu_bytes
    from maquette.recon.photos import load_photo
    from maquette.recon.train import load_levels

    levels = load_levels(scene, base, scene.training)
    held_out = [load_photo(scene.views[index], base.downscale) for index in scene.held_out]
    size = levels[0][0].camera
    print(f"{name}: {len(levels[0])} photos of {size.width}x{size.height}, {len(scene.points):,} points", flush=True)
    for trainer in arguments.trainers:
        runs = [[budget] for budget in arguments.budgets] if trainer == "ours" else [arguments.budgets]
        for budgets in runs:
            settings = replace(base, iterations=max(budgets))
            if device.type == "cuda":
                refuse_without_gpu_memory(training_gpu_bytes(scene, settings, len(levels[0])), free_gpu_bytes())
            for _ in TRAINERS[trainer](scene, replace(settings, iterations=30), levels, device):
                pass
            steps = TRAINERS[trainer](scene, settings, levels, device)
            watch((name, trainer), budgets, arguments.look_every, steps, held_out, looks)


def show(looks: list[Look]) -> None:
    """The table, then how long ours took to what gsplat reached."""
    heads = ("scene", "trainer", "iterations", "splats", "seconds", "ms/it", "dB", "SSIM", "GiB")
    print("\n{:<10} {:<7} {:>10} {:>9} {:>8} {:>6} {:>6} {:>6} {:>5}".format(*heads))
    for look in looks:
        if look.ssim is not None:
            pace_ms = 1e3 * look.seconds / max(1, look.iteration - 1)
            print(
                f"{look.scene:<10} {look.trainer:<7} {look.iteration:>10} {look.gaussians:>9,} {look.seconds:>8.1f} "
                f"{pace_ms:>6.2f} {look.psnr:>6.2f} {look.ssim:>6.4f} {look.peak_gib:>5.1f}"
            )
    for theirs in looks:
        if theirs.trainer != "gsplat" or theirs.ssim is None:
            continue
        reached = [x for x in looks if x.scene == theirs.scene and x.trainer == "ours" and x.psnr >= theirs.psnr]
        if reached:
            best = min(reached, key=lambda look: look.seconds)
            print(
                f"{theirs.scene}: gsplat has {theirs.psnr:.2f} dB after {theirs.iteration} iterations and "
                f"{theirs.seconds:.1f} s; ours first had it after {best.seconds:.1f} s (run of {best.budget}), "
                f"{theirs.seconds / best.seconds:.1f} times faster"
            )
        else:
            print(f"{theirs.scene}: ours never reached gsplat's {theirs.psnr:.2f} dB of {theirs.iteration} iterations")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=NEEDS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    checkout = Path(__file__).resolve().parents[1]
    parser.add_argument("--scenes", nargs="+", choices=["fox", "synthetic"], default=["fox", "synthetic"])
    parser.add_argument("--budgets", nargs="+", type=int, default=[7000, 30_000], help="iterations")
    parser.add_argument("--trainers", nargs="+", choices=list(TRAINERS), default=list(TRAINERS))
    parser.add_argument("--fox", type=Path, default=checkout.parent / "shared" / "captures" / "fox")
    parser.add_argument("--downscale", type=float, default=1.0, help="of the fox")
    parser.add_argument("--max-gaussians", type=int, default=1_000_000, help="cap of ours on the fox")
    parser.add_argument("--gaussians", type=int, default=1_000_000, help="in the synthetic scene")
    parser.add_argument("--views", type=int, default=64, help="of the synthetic scene")
    parser.add_argument("--size", default="1920x1080", help="of the synthetic photos")
    parser.add_argument(
        "--look-every", type=int, default=1000, help="iterations between two looks at the held-out views"
    )
    parser.add_argument("--out", type=Path, default=None, help="write all looks as JSON here, after every scene")
    arguments = parser.parse_args(argv)

    from maquette.errors import MaquetteError
    from maquette.recon.cuda import available
    from maquette.recon.train_settings import TrainSettings

    if (problem := available().problem) is not None:
        print(f"{problem.code}: {problem.message} {problem.suggestion}\n\n{NEEDS}", file=sys.stderr)
        return 2
    from maquette.recon.cuda import gpu

    try:
        began = time.perf_counter()
        device = gpu.open_gpu()
    except MaquetteError as error:
        print(f"{error.code}: {error.message} {error.suggestion}", file=sys.stderr)
        return 2
    import gsplat
    import torch

    print(
        f"{available().name}, torch {torch.__version__} (CUDA {torch.version.cuda}), gsplat {gsplat.__version__}, "
        f"kernels ready in {time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}, fused_ssim "
        f"{'used by gsplat' if find_spec('fused_ssim') else 'not installed'}",
        flush=True,
    )
    looks: list[Look] = []
    failed = False
    with tempfile.TemporaryDirectory(prefix="maquette-bench-") as name:
        folder = Path(name)
        for scene_name in arguments.scenes:
            try:
                if scene_name == "fox":
                    from maquette.recon.scene_files import load_scene

                    scene = load_scene(arguments.fox, cache_dir=folder / "cache")
                    base = TrainSettings(downscale=arguments.downscale, max_gaussians=arguments.max_gaussians)
                else:
                    width, height = (int(part) for part in arguments.size.split("x"))
                    scene = synthetic(folder, arguments.gaussians, arguments.views, width, height, device)
                    base = TrainSettings(max_gaussians=arguments.gaussians, densify_until=0.0)
                bench_scene(scene_name, scene, base, arguments, device, looks)
            except Exception:
                # The other scene's figures are worth having all the same; the exit status tells.
                traceback.print_exc()
                failed = True
            if arguments.out is not None:
                arguments.out.write_text(json.dumps([asdict(look) for look in looks], indent=1))
    show(looks)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

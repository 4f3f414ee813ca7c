"""``maquette splat``: train and measure splats of a scene whose cameras are known."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(no_args_is_help=True, help="Train or measure splats of a scene with known cameras.")

Scene = Annotated[
    Path,
    typer.Argument(help="A COLMAP model with its images, or a nerfstudio / instant-ngp transforms.json."),
]
Downscale = Annotated[float, typer.Option(min=1.0, help="Divide the photos' size by this.")]


@app.command()
def train(
    scene: Scene,
    out: Annotated[Path, typer.Option("--out", help="Folder for model.ply and metrics.json.")],
    iterations: Annotated[int, typer.Option(min=1, max=1_000_000, help="Photos seen, one at a time.")] = 2000,
    downscale: Downscale = 1.0,
    max_gaussians: Annotated[int, typer.Option(min=1, max=5_000_000, help="Hard limit of the model's size.")] = 200_000,
    backend: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="auto takes what is there.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of every random choice.")] = 0,
) -> None:
    """Train on the photos of SCENE; every 8th in name order is held out and measures the result."""
    from maquette.cli.bars import Bars
    from maquette.cli.local import stoppable, writable_folder
    from maquette.recon.cuda import choose_backend
    from maquette.recon.evaluate import evaluate
    from maquette.recon.formats import format_named
    from maquette.recon.scene_files import load_scene
    from maquette.recon.train import train as run
    from maquette.recon.train_settings import TrainSettings

    chosen = choose_backend(backend)
    settings = TrainSettings(
        iterations=iterations, downscale=downscale, max_gaussians=max_gaussians, seed=seed
    ).checked()
    writable_folder(out)
    began = time.monotonic()
    with stoppable("Nothing was written; the next call begins anew."), Bars() as bars:
        bars.update("loading", 0.0, scene.name)
        loaded = load_scene(scene, cache_dir=out / "cache", progress=bars.update)
        ready, last, total = time.monotonic(), None, iterations
        for step in run(loaded, settings, backend=chosen):
            last = step
            bars.update(
                "training", step.iteration / total, f"{step.iteration}/{total}, {step.gaussian_count:,} Gaussians"
            )
        if last is None:
            raise RuntimeError("training made no iteration")
        gaussians = last.gaussians
        trained = time.monotonic()
        bars.update("evaluation", 0.0)
        held_out = evaluate(gaussians, loaded, loaded.held_out, downscale=downscale)
        training = evaluate(gaussians, loaded, loaded.training, downscale=downscale)
    format_named("ply").write(gaussians, out / "model.ply", provenance={"generator": "maquette splat train"})
    metrics = {
        "psnr": _mean([m.psnr for m in held_out]),
        "ssim": _mean([m.ssim for m in held_out]),
        "training_psnr": _mean([m.psnr for m in training]),
        "training_ssim": _mean([m.ssim for m in training]),
        "gaussians": len(gaussians),
        "iterations": iterations,
        "seconds_total": round(time.monotonic() - began, 3),
        "seconds_training": round(trained - ready, 3),
        "seconds_per_iteration": round((trained - ready) / iterations, 5),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "backend": chosen,
        "seed": seed,
        "downscale": downscale,
        "views": [vars(m) for m in held_out],
    }
    (out / "metrics.json").write_text(json.dumps(metrics, indent=1, allow_nan=False))
    if metrics["psnr"] is not None:
        typer.echo(f"held-out PSNR {metrics['psnr']:.2f} dB SSIM {metrics['ssim']:.3f}")
    typer.echo(f"{out / 'model.ply'}\n{out / 'metrics.json'}")


@app.command(name="eval")
def evaluate_model(
    scene: Scene,
    model: Annotated[Path, typer.Argument(help="A 3DGS PLY file.")],
    downscale: Downscale = 1.0,
    cache: Annotated[
        Path | None, typer.Option(help="Folder for undistorted photos (default: beside the model).")
    ] = None,
) -> None:
    """Measure a model on every 8th photo of SCENE and print PSNR and SSIM of each and their mean, as JSON."""
    from maquette.recon.evaluate import evaluate
    from maquette.recon.formats import format_named
    from maquette.recon.scene_files import load_scene

    gaussians = format_named("ply").read(model)
    loaded = load_scene(scene, cache_dir=cache or model.parent / "cache")
    measured = evaluate(gaussians, loaded, loaded.held_out, downscale=downscale)
    result = {
        "psnr": _mean([m.psnr for m in measured]),
        "ssim": _mean([m.ssim for m in measured]),
        "gaussians": len(gaussians),
        "views": [vars(m) for m in measured],
    }
    typer.echo(json.dumps(result, indent=1, allow_nan=False))


def _mean(values: list[float]) -> float | None:
    """None, which JSON can say, where nothing was measured."""
    return sum(values) / len(values) if values else None

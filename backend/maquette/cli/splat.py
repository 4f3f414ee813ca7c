"""``maquette splat``: train and measure splats of a scene whose cameras are known."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from maquette.steps.parameters import Preset

app = typer.Typer(no_args_is_help=True, help="Train or measure splats of a scene with known cameras.")

Scene = Annotated[
    Path,
    typer.Argument(
        metavar="SCENE",
        help="A COLMAP model with its images (sparse/0 and images), or a nerfstudio / instant-ngp transforms.json.",
        show_default=False,
    ),
]


@app.command()
def train(
    scene: Scene,
    out: Annotated[Path, typer.Option("--out", help="Folder for model.ply and metrics.json.", show_default=False)],
    preset: Annotated[
        Preset | None,
        typer.Option(help="Iterations, Gaussians and size for a time budget; options named beside it win."),
    ] = None,
    iterations: Annotated[
        int | None,
        typer.Option(min=1, max=1_000_000, help="Photos seen, one at a time.", show_default="2000, or by preset"),
    ] = None,
    downscale: Annotated[
        float | None, typer.Option(min=1.0, help="Divide the photos' size by this.", show_default="1, or by preset")
    ] = None,
    long_side: Annotated[
        int | None,
        typer.Option(min=16, max=100_000, help="Shrink photos to this long side, px.", show_default="by preset"),
    ] = None,
    max_gaussians: Annotated[
        int | None,
        typer.Option(min=1, max=5_000_000, help="Hard limit of the model's size.", show_default="200000, or by preset"),
    ] = None,
    strategy: Annotated[
        Literal["default", "mcmc"] | None,
        typer.Option(
            help="How Gaussians are added: default by the photos' errors, mcmc up to --max-gaussians.",
            show_default="default, or by preset",
        ),
    ] = None,
    backend: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="auto takes a GPU where there is one.")
    ] = "auto",
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of every random choice.")] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Throw this run's checkpoint away and begin anew.")] = False,
    keep_checkpoint: Annotated[
        bool, typer.Option("--keep-checkpoint", help="Leave the checkpoint there when training has ended.")
    ] = False,
    preview: Annotated[
        bool,
        typer.Option("--preview", help="With each checkpoint, show a held-out photo and its render in preview.jpg."),
    ] = False,
) -> None:
    """Train on the photos of SCENE; every 8th in name order measures the result.

    A checkpoint is written to OUT every 30 seconds or 500 iterations.
    Stopped by Ctrl-C or otherwise, the same call goes on from it and, on a
    CPU, comes to the very same model; metrics.json counts the seconds of all.

    With other options, or a changed scene, training begins anew and says why;
    what was unfinished stays beside it for the call that began it.

    For example: maquette splat train fox --out run --preset balanced
    """
    from maquette.cli.bars import Bars
    from maquette.cli.interruption import Interruption
    from maquette.cli.local import OutNotWritableError, alone_in, writable_folder
    from maquette.cli.splat_training import METRICS, MODEL, Wishes, settings_of, train_in
    from maquette.recon.cuda import choose_backend
    from maquette.recon.scene_files import load_scene

    began = time.monotonic()
    explicit = {
        "iterations": iterations,
        "downscale": downscale,
        "max_side_px": long_side,
        "max_gaussians": max_gaussians,
        "strategy": strategy,
        "seed": seed,
    }
    settings_of(preset, 1, **explicit)  # what is wrong with them shows before anything is read
    wishes = Wishes(choose_backend(backend), preset, fresh, keep_checkpoint, preview)
    writable_folder(out)
    for name in (MODEL, METRICS):
        if (out / name).is_dir():
            raise OutNotWritableError(f"{out / name} is a folder.", suggestion="Choose another --out.")
    with Interruption("Nothing was kept yet; the next call begins anew.") as stop, alone_in(out, out), Bars() as bars:
        bars.update("loading", 0.0, scene.name)
        loaded = load_scene(
            scene, cache_dir=out / "cache", progress=bars.update, warn=lambda code, message: bars.say(f"  {message}")
        )
        settings = settings_of(preset, len(loaded.training), **explicit)
        metrics = train_in(out, loaded, settings, wishes, bars, stop, began)
    if metrics["psnr"] is not None:
        typer.echo(f"held-out PSNR {metrics['psnr']:.2f} dB SSIM {metrics['ssim']:.3f}")
    typer.echo(f"{out / MODEL}\n{out / METRICS}")


@app.command(name="eval")
def evaluate_model(
    scene: Scene,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A 3DGS PLY file.", show_default=False)],
    downscale: Annotated[float, typer.Option(min=1.0, help="Divide the photos' size by this.")] = 1.0,
    long_side: Annotated[
        int | None,
        typer.Option(min=16, max=100_000, help="Shrink photos to this long side, px.", show_default="none"),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Folder for a picture of each photo beside its render.", show_default="none")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder for undistorted photos.", show_default="cache, beside the model")
    ] = None,
) -> None:
    """Measure a model on every 8th photo of SCENE.

    Prints PSNR (dB) and SSIM of each and their means, as JSON. Name the size
    that the model was trained at: its metrics.json has downscale, long_side.
    """
    from rich.console import Console

    from maquette.cli.bars import Bars
    from maquette.cli.local import writable_folder
    from maquette.cli.splat_training import mean
    from maquette.recon.evaluate import ViewMetric, compare
    from maquette.recon.formats import format_named
    from maquette.recon.gaussians.previews import side_by_side, write_picture
    from maquette.recon.metrics import psnr, ssim
    from maquette.recon.scene_files import load_scene

    gaussians = format_named("ply").read(model)
    cache = writable_folder(cache or model.parent / "cache", option="--cache")
    if pictures is not None:
        writable_folder(pictures, option="--pictures")
    views: list[ViewMetric] = []
    # Standard output is the JSON alone.
    with Bars(Console(stderr=True)) as bars:
        bars.update("loading", 0.0, scene.name)
        loaded = load_scene(
            scene, cache_dir=cache, progress=bars.update, warn=lambda code, message: bars.say(f"  {message}")
        )
        compared = compare(gaussians, loaded, loaded.held_out, downscale=downscale, max_side_px=long_side)
        for one in compared:
            name = loaded.views[one.view_index].name
            bars.update("evaluation", len(views) / len(loaded.held_out), name)
            pair = one.render, one.photo, one.weights
            views.append(ViewMetric(one.view_index, name, psnr(*pair), ssim(*pair)))
            if pictures is not None:
                label = f"render {views[-1].psnr:.2f} dB"
                path = pictures / f"{one.view_index:04d}-{Path(name).stem}.jpg"
                write_picture(side_by_side([one.photo, one.render], ["photo", label]), path)
    result = {
        "psnr": mean([view.psnr for view in views]),
        "ssim": mean([view.ssim for view in views]),
        "gaussians": len(gaussians),
        "views": [vars(view) for view in views],
    }
    typer.echo(json.dumps(result, indent=1, allow_nan=False))

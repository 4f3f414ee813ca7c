"""``maquette reconstruct``: all four steps on this machine, no server needed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maquette.client.inputs import NoInputError, gather
from maquette.steps.parameters import WITHOUT_WEIGHTS, Enhancement, Preset

if TYPE_CHECKING:
    from maquette.cli.local import LocalSink
    from maquette.cli.memory import Memory
    from maquette.steps.folder import Folder

INPUTS = "Photos, videos, ZIPs, or folders of them."


def reconstruct(
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; intermediates lie in its `steps`.")],
    inputs: Annotated[list[Path] | None, typer.Argument(metavar="INPUT...", help=INPUTS)] = None,
    preset: Annotated[Preset, typer.Option(help="How long to train.")] = "balanced",
    formats: Annotated[
        str, typer.Option(help="Export formats, separated by commas; a wrong name lists all.")
    ] = "ply,splat",
    refine: Annotated[int, typer.Option(min=0, max=50, help="Refinement rounds after the first model.")] = 1,
    enhancement: Annotated[
        Enhancement | None,
        typer.Option(help="How refinement enhances views. Default: the best whose weights are here, else none."),
    ] = None,
    remove_bg: Annotated[
        bool, typer.Option("--remove-bg", help="Take the background out of photos that bring no mask.")
    ] = False,
    original_resolution: Annotated[
        bool, typer.Option("--original-resolution", help="Keep photos and frames larger than 1600 px as they are.")
    ] = False,
    frames: Annotated[
        int | None,
        typer.Option(min=3, max=200, help="Frames of each video. Default: 24, 40 or 80, by preset."),
    ] = None,
    views: Annotated[
        list[Path] | None,
        typer.Option("--views", help="Six views of an object, named by side, or their folder; with --depth-renders."),
    ] = None,
    depth_renders: Annotated[
        list[Path] | None,
        typer.Option("--depth-renders", help="The six depth pictures of --views, named likewise, or their folder."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of every random choice.")] = 0,
) -> None:
    """Photos, a video, or six views with depth to a model: upload, generate, refine and export, with progress bars.

    INPUT is what the service takes too; what a file is, its content says, and a folder is the same as a ZIP of it:

    - three photos or more (JPEG, PNG, WEBP, TIFF, HEIC), or a single one, of which a relief is made;

    - beside them masks (a.mask.png for a.jpg) and known cameras (transforms.json, a COLMAP model, …_par.txt);

    - videos (MP4, MOV, AVI, MKV, WEBM), of which sharp frames are taken;

    - six views and six depth renders, front to bottom: a folder with both, one of them called depth…, or by
    --views and --depth-renders.

    The same call again with the same OUT goes on where it was stopped, by Ctrl-C or otherwise, and repeats nothing
    that is done. With more photos, or other options, what they change is done anew, as further versions; the photos
    that measure quality stay the same. With photos taken away it is refused: choose another OUT.

    Examples: maquette reconstruct photos/ --out model · maquette reconstruct walk.mp4 --frames 30 --out model ·
    maquette reconstruct --views multi_views --depth-renders depth_renders --out model
    """
    from maquette.cli.bars import Bars
    from maquette.cli.local import LocalSink, stoppable, writable_folder
    from maquette.cli.memory import remember
    from maquette.cli.taking_in import upload
    from maquette.recon.formats import format_named
    from maquette.settings import read_settings
    from maquette.steps.folder import Folder

    wanted = [format_named(name.strip()) for name in formats.split(",") if name.strip()]
    if not wanted:
        raise NoInputError("--formats names no format.", suggestion="Name some of: ply, splat.")
    sent = gather(inputs or (), views or (), depth_renders or (), besides=out)
    folder = Folder(writable_folder(writable_folder(out) / "steps"))
    settings = read_settings()
    folder.describe_machine(
        settings.models_folder,
        allow_noncommercial=settings.allow_noncommercial_models,
        trust_code=settings.trust_model_code,
    )
    with stoppable("The same call goes on from here."), remember(folder.root) as memory, Bars() as bars:
        sink = LocalSink(bars)
        bars.heading(f"[bold]upload[/] {len(sent)} files")
        taking = {"remove_bg": remove_bg, "original_resolution": original_resolution, "frames": frames}
        upload(sent, {**taking, "preset": preset}, folder, memory, sink)
        bars.heading(f"[bold]generate[/] preset {preset}")
        generated = {"preset": preset, "seed": seed}
        if not memory.is_done("generate", generated, memory.photos):
            # Views made of a single photo are found again there, whatever they were made with.
            (folder.scene / "single.json").unlink(missing_ok=True)
        version = best = int(memory.run("generate", generated, memory.photos, sink)["version"])
        if refine and not sink.views().eval_names:
            bars.say("No refinement: all views taught the model, so nothing is left to measure a round by.")
        elif refine:
            bars.heading(f"[bold]refine[/] up to {refine} rounds")
            best = _refine(version, refine, enhancement, seed, folder, memory, sink)
        bars.heading(f"[bold]export[/] version {best}")
        paths = _export(wanted, best, folder, out, sink)
        (out / "metrics.json").write_text(json.dumps(_summary(sink, best), indent=1, allow_nan=False))
        bars.end_stage()
        degraded = sorted({warning.code for warning in sink.warnings if warning.degraded})
        if degraded:
            bars.say(f"degraded: something stood in for the real thing ({', '.join(degraded)}); see above.")
    for path in (*paths, out / "preview.jpg", out / "metrics.json"):
        bars.console.print(str(path), highlight=False, soft_wrap=True)


def _refine(
    version: int,
    rounds: int,
    enhancement: Enhancement | None,
    seed: int,
    folder: Folder,
    memory: Memory,
    sink: LocalSink,
) -> int:
    """The version to take away after refining ``version``."""
    weights = () if enhancement in WITHOUT_WEIGHTS else folder.weights().editions
    refined = memory.run(
        "refine",
        {"num_iterations": rounds, "from_version": version, "enhancement": enhancement, "seed": seed},
        {"photos": memory.photos, "weights": weights},
        sink,
    )
    return int(refined["promoted_version"]) if refined["promoted_version"] is not None else version


def _export(wanted: Sequence[Any], version: int, folder: Folder, out: Path, sink: LocalSink) -> list[Path]:
    from maquette.steps import STEPS
    from maquette.steps.records import Export

    paths: list[Path] = []
    for target in wanted:
        STEPS["export"].run(folder.root, {"format": target.name, "version": version}, sink)
        made = next(record for record in reversed(sink.records) if isinstance(record, Export))
        # Two formats may share an ending: the second one tells its name.
        place = out / f"model{target.extension}"
        if place in paths:
            place = out / f"model_{target.name}{target.extension}"
        paths.append(Path(shutil.move(folder.root / made.file.path, place)))
    shutil.copyfile(folder.model(version) / "preview.jpg", out / "preview.jpg")
    return paths


def _summary(sink: LocalSink, best: int) -> dict[str, Any]:
    from maquette.cli.verdicts import set_verdict
    from maquette.steps.records import Model

    models = [record for record in sink.records if isinstance(record, Model)]
    images, views = sink.images(), sink.views()
    told = {"filename", "kind", "verdict", "reasons", "details"}
    return {
        "promoted_version": best,
        "photos": len(views.placements),
        "photos_placed": sum(p.placed for p in views.placements),
        "not_placed": [p.model_dump() for p in views.placements if not p.placed],
        "images": [image.model_dump(mode="json", include=told) for image in images.images],
        "videos": list(images.videos),
        "capture": views.capture or set_verdict(images.images),
        "versions": [
            {
                "version": model.version,
                "parent_version": model.parent_version,
                "gaussians": model.num_gaussians,
                "metrics": [metric.model_dump() for metric in model.metrics],
                "inputs_measured": (model.details.get("inputs_measured") or {}).get("mean"),
                "iteration": model.iteration.model_dump() if model.iteration else None,
            }
            for model in models
        ],
        "warnings": [warning.model_dump() for warning in sink.warnings],
        "degraded": any(warning.degraded for warning in sink.warnings),
    }

"""``maquette reconstruct``: all four steps on this machine, no server needed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from maquette.errors import BadInputError
from maquette.steps.parameters import WITHOUT_WEIGHTS, Enhancement, Preset


class NoInputError(BadInputError):
    """No photo was named."""

    code = "no_files"


def reconstruct(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT...", help="Photos, or folders of photos.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; intermediates lie in its `steps`.")],
    preset: Annotated[Preset, typer.Option(help="How long to train.")] = "balanced",
    formats: Annotated[str, typer.Option(help="Export formats, separated by commas: ply, splat.")] = "ply,splat",
    refine: Annotated[int, typer.Option(min=0, max=50, help="Refinement rounds after the first model.")] = 1,
    enhancement: Annotated[
        Enhancement | None,
        typer.Option(help="How refinement enhances views. Default: the best whose weights are here, else none."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of every random choice.")] = 0,
) -> None:
    """Photos to a model: upload, generate, refine and export, with progress bars.

    The same call again with the same OUT goes on where it was stopped, by Ctrl-C or otherwise, and repeats nothing
    that is done. With more photos, or other options, what they change is done anew, as further versions; the photos
    that measure quality stay the same. With photos taken away it is refused: choose another OUT.
    """
    from maquette.cli.bars import Bars
    from maquette.cli.local import LocalSink, stoppable, writable_folder
    from maquette.cli.memory import in_known_order, remember
    from maquette.recon.formats import format_named
    from maquette.settings import read_settings
    from maquette.steps import STEPS
    from maquette.steps.folder import Folder
    from maquette.steps.records import Images

    wanted = [format_named(name.strip()) for name in formats.split(",") if name.strip()]
    if not wanted:
        raise NoInputError("--formats names no format.", suggestion="Name some of: ply, splat.")
    photos = list_inputs(inputs)
    folder = writable_folder(writable_folder(out) / "steps")
    settings = read_settings()
    Folder(folder).describe_machine(
        settings.models_folder,
        allow_noncommercial=settings.allow_noncommercial_models,
        trust_code=settings.trust_model_code,
    )
    with stoppable("The same call goes on from here."), remember(folder) as memory, Bars() as bars:
        sink = LocalSink(bars)
        bars.heading(f"[bold]upload[/] {len(photos)} files")
        # Before photos were held out, any set may take another's place.
        photos, hashes = in_known_order(photos, memory.photos if Folder(folder).evaluation.exists() else ())
        if not memory.is_done("upload", hashes):
            take_in(photos, folder)
        memory.run("upload", {}, hashes, sink)
        memory.photos = hashes
        memory.save()
        _index_images(folder, next(r for r in sink.records if isinstance(r, Images)))
        bars.heading(f"[bold]generate[/] preset {preset}")
        result = memory.run("generate", {"preset": preset, "seed": seed}, hashes, sink)
        version = best = int(result["version"])
        if refine:
            bars.heading(f"[bold]refine[/] up to {refine} rounds")
            weights = () if enhancement in WITHOUT_WEIGHTS else Folder(folder).weights().editions
            refined = memory.run(
                "refine",
                {"num_iterations": refine, "from_version": version, "enhancement": enhancement, "seed": seed},
                {"photos": hashes, "weights": weights},
                sink,
            )
            best = refined["promoted_version"] if refined["promoted_version"] is not None else version
        bars.heading(f"[bold]export[/] version {best}")
        paths = []
        for target in wanted:
            STEPS["export"].run(folder, {"format": target.name, "version": best}, sink)
            made = folder / "exports" / f"model_v{best}{target.extension}"
            paths.append(shutil.move(made, out / f"model{target.extension}"))
        shutil.copyfile(folder / "models" / f"v{best}" / "preview.jpg", out / "preview.jpg")
        (out / "metrics.json").write_text(json.dumps(_summary(sink, best), indent=1, allow_nan=False))
    for path in (*paths, out / "preview.jpg", out / "metrics.json"):
        bars.console.print(str(path), highlight=False, soft_wrap=True)


def list_inputs(inputs: list[Path]) -> list[Path]:
    """Files named, and the files in folders named, in name order. Hidden files are left out."""
    photos: list[Path] = []
    for path in inputs:
        if path.is_dir():
            photos += sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
        elif path.is_file():
            photos.append(path)
        else:
            raise NoInputError(f"There is no file or folder {path}.", suggestion="Check the path.")
    if not photos:
        raise NoInputError("There are no photos to work on.", suggestion="Name photos, or a folder that holds some.")
    return photos


def take_in(photos: list[Path], folder: Path) -> None:
    """Lay the photos into the upload step's folder; links where the disk allows, so nothing is doubled."""
    incoming = folder / "incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    shutil.rmtree(folder / "images", ignore_errors=True)
    incoming.mkdir(parents=True)
    entries = []
    for number, photo in enumerate(photos):
        name = f"{number:04d}"
        try:
            os.link(photo.resolve(), incoming / name)
        except OSError:
            shutil.copyfile(photo, incoming / name)
        entries.append({"file": name, "filename": photo.name})
    (folder / "incoming.json").write_text(json.dumps(entries))


def _index_images(folder: Path, images: Any) -> None:
    """What the worker writes from the database: which processed photos take part, with their focal lengths."""
    usable = [image for image in images.images if image.processed is not None]
    index = [
        {"name": Path(image.processed.path).name, "filename": image.filename, "focal_px": image.focal_px}
        for image in usable
    ]
    (folder / "images.json").write_text(json.dumps(index))


def _summary(sink: Any, best: int) -> dict[str, Any]:
    from maquette.steps.records import Model, Views

    models = [record for record in sink.records if isinstance(record, Model)]
    views = next(record for record in sink.records if isinstance(record, Views))
    return {
        "promoted_version": best,
        "photos": len(views.placements),
        "photos_placed": sum(p.placed for p in views.placements),
        "not_placed": [p.model_dump() for p in views.placements if not p.placed],
        "versions": [
            {
                "version": model.version,
                "parent_version": model.parent_version,
                "gaussians": model.num_gaussians,
                "metrics": [metric.model_dump() for metric in model.metrics],
                "iteration": model.iteration.model_dump() if model.iteration else None,
            }
            for model in models
        ],
        "warnings": [warning.model_dump() for warning in sink.warnings],
        "degraded": any(warning.degraded for warning in sink.warnings),
    }

"""The first half of a refine round: render the views to mend from the parent version, and enhance them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maquette.progress import Progress
from maquette.recon.cameras import Camera
from maquette.recon.enhance import EnhanceParameters, EnhanceRequest, Method, open_method
from maquette.recon.enhance.none import NONE
from maquette.recon.evaluate import to_8_bit
from maquette.recon.formats import format_named
from maquette.recon.gaussians.previews import write_picture
from maquette.recon.photos import load_photo, training_size
from maquette.recon.rasterize import rasterize
from maquette.recon.scene import Scene, View
from maquette.recon.train_settings import TrainSettings
from maquette.recon.weights import Weights
from maquette.steps.folder import Folder, write_json
from maquette.steps.parameters import RefineParameters
from maquette.steps.records import Model
from maquette.steps.sink import Sink


@dataclass(frozen=True, eq=False)
class Look:
    """One view as the parent version shows it, and what was made of that: paths, and the record of how.

    ``view`` is the source view. ``render`` and ``enhanced`` are pictures of ``camera``'s size; ``enhanced`` is None
    where nothing enhances.
    """

    index: int
    view: View
    camera: Camera
    render: Path
    enhanced: Path | None
    record: dict[str, Any]


@dataclass(frozen=True)
class Enhancing:
    """How views are enhanced in all rounds of a call."""

    method: Method
    weights: Weights
    parameters: EnhanceParameters


def enhancing_of(method: Method, weights: Weights, wanted: RefineParameters) -> Enhancing:
    """What the call says about enhancing, in the words of the enhancement. Raises ``bad_enhancement``."""
    parameters = EnhanceParameters(
        prompt=wanted.prompt,
        negative_prompt=wanted.negative_prompt,
        strength=wanted.strength,
        steps=wanted.enhancement_steps,
        guidance=wanted.guidance,
        seed=wanted.seed,
    )
    return Enhancing(method, weights, parameters)


def look_at(
    folder: Folder,
    scene: Scene,
    parent: Model,
    views: Sequence[int],
    training: Sequence[int],
    settings: TrainSettings,
    how: Enhancing,
    sink: Sink,
) -> tuple[Look, ...]:
    """Render ``views`` at the training size and enhance each; only photos of ``training`` views are shown to a method.

    Pictures lie under the number of the version that the round will make. What a killed attempt finished there, in
    the same way and from the same parent, is not done again. Raises what stands in the method's way.
    """
    home = folder.model(folder.next_version())
    home.mkdir(parents=True, exist_ok=True)
    gaussians = format_named("ply").read(folder.root / parent.model.path)
    same = {
        "parent": parent.version,
        "method": how.method.name,
        "parameters": asdict(how.parameters),
        "weights": how.weights.editions if how.method.models else (),
        "size": (settings.downscale, settings.max_side_px),
    }
    looks, enhancer = [], None
    with ExitStack() as opened:
        for number, index in enumerate(views):
            sink.progress("enhancing", number / len(views), f"view {index}, {how.method.name}")
            view = scene.views[index]
            camera = view.camera.resized(*training_size(view.camera, settings.downscale, settings.max_side_px))
            render, enhanced = home / f"rendered-{index:04d}.png", home / f"enhanced-{index:04d}.png"
            note = home / f"enhanced-{index:04d}.json"
            record = _finished(note, same)
            if record is None:
                shown = rasterize(gaussians, camera, background=settings.background, outputs={"image", "median_depth"})
                picture = to_8_bit(np.ascontiguousarray(shown.image.transpose(2, 0, 1)))
                write_picture(picture, render)
                photo = _photo(view, settings) if index in training else None
                request = EnhanceRequest(picture, photo, shown.median_depth, how.parameters)
                # Loading a model takes longer than finding that a killed attempt left nothing to do for it.
                enhancer = enhancer or opened.enter_context(open_method(how.method, how.weights))
                made = enhancer(request, _stoppable(sink, number / len(views)))
                if how.method is not NONE:
                    write_picture(made.image, enhanced)
                record = made.record.as_dict()
                write_json(note, {"same": same, "record": record})
            # Not by what lies there: a killed attempt may have left a picture of another method.
            looks.append(Look(index, view, camera, render, None if how.method is NONE else enhanced, record))
    sink.progress("enhancing", 1.0)
    return tuple(looks)


def as_picture(look: Look) -> View:
    """The enhanced picture as a view of its own, for weighing and training."""
    if look.enhanced is None:
        raise ValueError(f"view {look.index} was not enhanced")
    return View(look.view.name, look.camera, look.enhanced)


def _photo(view: View, settings: TrainSettings) -> UInt8[ndarray, "h w 3"]:
    planes = load_photo(replace(view, mask_path=None), settings.downscale, settings.max_side_px).pixels
    return np.ascontiguousarray(planes.transpose(1, 2, 0))


def _stoppable(sink: Sink, before: float) -> Progress:
    """Each view goes its own way from 0 to 1; what matters outside is that it goes on, and that it can be stopped."""

    def told(stage: str, fraction: float, message: str = "") -> None:
        sink.progress("enhancing", before, message)

    return told


def _finished(note: Path, same: dict[str, Any]) -> dict[str, Any] | None:
    """The record of a view that an earlier attempt finished in the same way."""
    if not note.exists():
        return None
    known: dict[str, Any] = json.loads(note.read_text())
    record: dict[str, Any] = known["record"]
    return record if known["same"] == json.loads(json.dumps(same)) else None

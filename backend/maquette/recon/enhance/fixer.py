"""Single-step fixers of the Difix kind (Wu et al. 2025, Difix3D+): clean a render, with a photo to look at.

The weights are a diffusers folder whose pipeline class diffusers does not have, so its code lies in the folder and is
run only where a setting allows it (:func:`maquette.recon.enhance.diffusion.check_code`). It is called as its authors
do: one step at timestep 199 without guidance, prompt "remove degradation", the photo as ``ref_image``.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32
from numpy import ndarray
from PIL import Image

from maquette.errors import MaquetteError
from maquette.progress import Progress
from maquette.recon.enhance import diffusion
from maquette.recon.enhance.errors import BrokenModelError, ModelCodeRefusedError
from maquette.recon.enhance.method import Device, Enhancer, Method
from maquette.recon.enhance.request import Enhanced, EnhanceRecord, EnhanceRequest
from maquette.recon.enhance.tiles import enlarged, plan_tiles, through_tiles
from maquette.recon.weights import LocalModel, Weights

MODEL = "difix-ref"
"""Name of the weights."""

PROMPT = "remove degradation"
TIMESTEP = 199
"""Of 1000: the noise level at which Difix was trained to take a render's faults for noise."""
_CODE = "pipeline.py"
_MULTIPLE = 8
_TAKES = {
    "prompt",
    "image",
    "ref_image",
    "height",
    "width",
    "num_inference_steps",
    "timesteps",
    "guidance_scale",
    "generator",
    "output_type",
}


@dataclass(frozen=True)
class Fixer:
    """The loaded pipeline; call it for each view."""

    pipeline: Any
    model: LocalModel
    place: diffusion.Place

    def __call__(self, request: EnhanceRequest, progress: Progress | None = None) -> Enhanced:
        """Enhance one view; see :data:`FIXER`."""
        import torch

        began = time.perf_counter()
        asked = request.parameters
        prompt = PROMPT if asked.prompt is None else asked.prompt
        timestep = TIMESTEP if asked.strength is None else max(0, round(asked.strength * 1000) - 1)
        height, width = request.render.shape[:2]
        view = enlarged(request.render, asked.working_side_px)
        others = [] if request.photo is None else [enlarged(request.photo, asked.working_side_px)]
        tiles = len(plan_tiles(view.shape[0], view.shape[1], asked.tile_px))
        generator = torch.Generator("cpu").manual_seed(asked.seed)

        def run(index: int, planes: Sequence[ndarray]) -> Float32[ndarray, "_ _ 3"]:
            answer = self.pipeline(
                prompt=prompt,
                image=Image.fromarray(planes[0]),
                ref_image=Image.fromarray(planes[1]) if others else None,
                height=planes[0].shape[0],
                width=planes[0].shape[1],
                num_inference_steps=1,
                timesteps=[timestep],
                guidance_scale=0.0,
                generator=generator,
                output_type="np",
            )
            if progress is not None:
                progress("enhancing", (index + 1) / tiles, "fixer")
            return diffusion.whole_picture(answer, self.model.name, planes[0].shape[:2])

        with diffusion.memory_named(self.place, asked.tile_px):
            result = through_tiles(view, others, asked.tile_px, _MULTIPLE, run)
        if result.shape[:2] != (height, width):
            result = cv2.resize(result, (width, height), interpolation=cv2.INTER_AREA)
        record = EnhanceRecord(
            method=FIXER.name,
            model=self.model.name,
            revision=self.model.revision,
            licence=self.model.licence,
            prompt=prompt,
            strength=(timestep + 1) / 1000,
            steps=1,
            steps_run=1,
            tiles=tiles,
            guidance=0.0,
            seed=asked.seed,
            photo_used=bool(others),
            seconds=time.perf_counter() - began,
            device=self.place.device,
        )
        return Enhanced(np.clip(np.rint(result * 255), 0, 255).astype(np.uint8), record)


@contextmanager
def open_fixer(weights: Weights, device: Device = "auto") -> Iterator[Enhancer]:
    """Load the fixer and its code from its folder, never from the network."""
    problem = _problem(weights)
    if problem is not None:
        raise problem
    model = weights[MODEL]
    diffusion.read_index(model)
    diffusion.check_code(model)
    code = model.folder / _CODE
    if not code.is_file():
        raise BrokenModelError(model.name, model.folder, f"{_CODE}, the code of its pipeline, is missing")
    place = diffusion.choose_place(device)
    pipeline = diffusion.load(model, lambda: _pipeline(model, code, place))
    missing = _TAKES - set(inspect.signature(type(pipeline).__call__).parameters)
    if missing:
        raise BrokenModelError(
            model.name, model.folder, f"its pipeline is no fixer: it does not take {', '.join(sorted(missing))}"
        )
    pipeline.set_progress_bar_config(disable=True)
    pipeline.to(place.device)
    yield Fixer(pipeline, model, place)


def _pipeline(model: LocalModel, code: Path, place: diffusion.Place) -> Any:
    from diffusers import DiffusionPipeline

    return DiffusionPipeline.from_pretrained(
        model.folder,
        custom_pipeline=str(code),
        trust_remote_code=True,
        local_files_only=True,
        use_safetensors=True,
        dtype=place.dtype,
    )


def _problem(weights: Weights) -> MaquetteError | None:
    missing = diffusion.extra_problem() or weights.problem(MODEL)
    if missing is not None:
        return missing
    return None if weights[MODEL].trusted_code else ModelCodeRefusedError(MODEL, "no setting allows it")


FIXER = Method(
    name="fixer",
    summary="single-step fixer of the Difix kind: cleans a render with the photo beside it to look at",
    invents=True,
    models=(MODEL,),
    problem=_problem,
    open=open_fixer,
)
"""``prompt`` ("remove degradation") and ``strength`` (0.2, the timestep 199) apply; always one step, no guidance."""

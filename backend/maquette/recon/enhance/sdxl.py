"""SDXL image-to-image (Podell et al. 2023, SDEdit: Meng et al. 2022), steered by depth where a ControlNet is there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maquette.errors import MaquetteError
from maquette.progress import Progress
from maquette.recon.enhance import diffusion
from maquette.recon.enhance.errors import BadEnhancementError, BrokenModelError
from maquette.recon.enhance.method import Device, Enhancer, Method
from maquette.recon.enhance.nearness import nearness
from maquette.recon.enhance.request import Enhanced, EnhanceRecord, EnhanceRequest
from maquette.recon.enhance.tiles import enlarged, plan_tiles, through_tiles
from maquette.recon.weights import LocalModel, Weights

BASE = "sdxl"
DEPTH = "sdxl-depth"
"""Names of the weights: the base model, and the depth ControlNet (Zhang et al. 2023), which is optional."""

PROMPT = "a sharp, detailed photograph"
NEGATIVE_PROMPT = "blurry, noisy, painting, drawing, text, watermark"
STRENGTH = 0.3
STEPS = 30
GUIDANCE = 5.0


@dataclass(frozen=True)
class Sdxl:
    """The loaded pipeline; call it for each view."""

    pipeline: Any
    model: LocalModel
    place: diffusion.Place
    control: LocalModel | None

    def __call__(self, request: EnhanceRequest, progress: Progress | None = None) -> Enhanced:
        """Enhance one view; see :data:`SDXL`."""
        import torch

        began = time.perf_counter()
        asked = request.parameters
        strength = STRENGTH if asked.strength is None else asked.strength
        steps = STEPS if asked.steps is None else asked.steps
        guidance = GUIDANCE if asked.guidance is None else asked.guidance
        prompt = PROMPT if asked.prompt is None else asked.prompt
        negative = NEGATIVE_PROMPT if asked.negative_prompt is None else asked.negative_prompt
        if int(steps * strength) < 1:
            raise BadEnhancementError(
                f"{steps} steps at strength {strength:g} are none at all.",
                suggestion="Raise steps or strength: their product must be at least 1.",
            )
        by_depth = self.control is not None and request.depth is not None
        height, width = request.render.shape[:2]
        view = enlarged(request.render, asked.working_side_px)
        others = [self._control(request, view.shape)] if self.control else []
        tiles = len(plan_tiles(view.shape[0], view.shape[1], asked.tile_px))
        # On the CPU whatever the device, so that a seed means the same noise everywhere.
        generator = torch.Generator("cpu").manual_seed(asked.seed)
        steps_run = 0

        def run(index: int, planes: Sequence[ndarray]) -> Float32[ndarray, "_ _ 3"]:
            nonlocal steps_run
            done = 0

            def after_step(_: Any, step: int, timestep: Any, values: dict[str, Any]) -> dict[str, Any]:
                nonlocal done
                done += 1
                if progress is not None:
                    progress("enhancing", min(1.0, (index + done / int(steps * strength)) / tiles), "sdxl")
                return values

            control = (
                {
                    "control_image": _batch(planes[1]),
                    "controlnet_conditioning_scale": asked.depth_weight if by_depth else 0.0,
                }
                if self.control
                else {}
            )
            answer = self.pipeline(
                prompt=prompt,
                negative_prompt=negative,
                image=_batch(planes[0]),
                strength=strength,
                num_inference_steps=steps,
                guidance_scale=guidance,
                generator=generator,
                output_type="np",
                callback_on_step_end=after_step,
                **control,
            )
            steps_run = done
            return diffusion.whole_picture(answer, self.model.name, planes[0].shape[:2])

        with diffusion.memory_named(self.place, asked.tile_px):
            result = through_tiles(view, others, asked.tile_px, self.pipeline.vae_scale_factor, run)
        if result.shape[:2] != (height, width):
            result = cv2.resize(result, (width, height), interpolation=cv2.INTER_AREA)
        record = EnhanceRecord(
            method=SDXL.name,
            model=self.model.name,
            revision=self.model.revision,
            licence=self.model.licence,
            prompt=prompt,
            negative_prompt=negative if guidance > 1 else None,
            strength=strength,
            steps=steps,
            steps_run=steps_run,
            tiles=tiles,
            guidance=guidance,
            seed=asked.seed,
            depth_control=by_depth,
            depth_revision=self.control.revision if self.control and by_depth else None,
            seconds=time.perf_counter() - began,
            device=self.place.device,
        )
        return Enhanced(np.clip(np.rint(result * 255), 0, 255).astype(np.uint8), record)

    def _control(self, request: EnhanceRequest, shape: tuple[int, ...]) -> ndarray:
        if request.depth is None:
            return np.zeros(shape, np.uint8)
        return cv2.resize(nearness(request.depth), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)


@contextmanager
def open_sdxl(weights: Weights, device: Device = "auto") -> Iterator[Enhancer]:
    """Load SDXL from its folder, never from the network; with its depth ControlNet where that is there too.

    On CUDA: half precision, attention sliced, and each network on the GPU only while it works (7 GB instead of 12).
    """
    problem = _problem(weights)
    if problem is not None:
        raise problem
    model = weights[BASE]
    index = diffusion.read_index(model)
    kind = index.get("_class_name")
    if not str(kind).startswith("StableDiffusionXL"):
        raise BrokenModelError(model.name, model.folder, f"it holds a {kind}, not a StableDiffusionXL pipeline")
    place = diffusion.choose_place(device)
    control = weights.models.get(DEPTH)
    pipeline = _pipeline(model, control, place)
    _settle(pipeline, place)
    try:
        yield Sdxl(pipeline, model, place, control)
    finally:
        # Hooks of offloading hold references in a circle; without this the GPU's memory comes back late.
        pipeline.remove_all_hooks()


def _pipeline(model: LocalModel, control: LocalModel | None, place: diffusion.Place) -> Any:
    from diffusers import (
        ControlNetModel,
        StableDiffusionXLControlNetImg2ImgPipeline,
        StableDiffusionXLImg2ImgPipeline,
    )

    def options(folder: LocalModel) -> dict[str, Any]:
        return {
            "dtype": place.dtype,
            "local_files_only": True,
            "use_safetensors": True,
            "variant": diffusion.variant(folder.folder),
        }

    if control is None:
        return diffusion.load(
            model,
            lambda: StableDiffusionXLImg2ImgPipeline.from_pretrained(
                model.folder, add_watermarker=False, **options(model)
            ),
        )
    diffusion.check_part(control, control.folder)
    net = diffusion.load(control, lambda: ControlNetModel.from_pretrained(control.folder, **options(control)))
    return diffusion.load(
        model,
        lambda: StableDiffusionXLControlNetImg2ImgPipeline.from_pretrained(
            model.folder, controlnet=net, add_watermarker=False, **options(model)
        ),
    )


def _settle(pipeline: Any, place: diffusion.Place) -> None:
    pipeline.set_progress_bar_config(disable=True)
    if place.cuda:
        pipeline.enable_attention_slicing()
        pipeline.vae.enable_slicing()
        pipeline.enable_model_cpu_offload()
    else:
        pipeline.to(place.device)


def _batch(image: ndarray) -> Float32[ndarray, "1 h w 3"]:
    # Floats from 0 to 1: of bytes the pipelines would want a PIL picture.
    return (image.astype(np.float32) / 255)[None]


def _problem(weights: Weights) -> MaquetteError | None:
    return diffusion.extra_problem() or weights.problem(BASE)


SDXL = Method(
    name="sdxl",
    summary="Stable Diffusion XL image-to-image, steered by the view's depth where the depth ControlNet is there",
    invents=True,
    models=(BASE, DEPTH),
    problem=_problem,
    open=open_sdxl,
)
"""``prompt``, ``negative_prompt``, ``strength`` (0.3), ``steps`` (30), ``guidance`` (5) and ``depth_weight`` apply."""

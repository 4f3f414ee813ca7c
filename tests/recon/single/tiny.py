"""A pipeline called and answering as Zero123++ does, with a random network, saved as a pull leaves the real one."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDPMScheduler

PIPELINE = '''
from typing import Any

import numpy as np
import torch
from PIL import Image
from diffusers import AutoencoderKL, DiffusionPipeline
from diffusers.pipelines.pipeline_utils import ImagePipelineOutput
from diffusers.schedulers import KarrasDiffusionSchedulers


class Zero123PlusPipeline(DiffusionPipeline):
    """Draws the object it was shown small into each of the six places, on grey, a dot fewer in each."""

    def __init__(self, vae: AutoencoderKL, scheduler: KarrasDiffusionSchedulers, ramping_coefficients=None,
                 safety_checker=None):
        super().__init__()
        self.register_modules(vae=vae, scheduler=scheduler, safety_checker=None)
        self.register_to_config(ramping_coefficients=ramping_coefficients)

    @torch.no_grad()
    def __call__(self, image: Image.Image = None, prompt="", *args, num_images_per_prompt=1, guidance_scale=4.0,
                 output_type="pil", width=640, height=960, num_inference_steps=28, return_dict=True, **kwargs: Any):
        assert image.mode == "RGB" and image.width == image.height and guidance_scale == 4.0
        assert len(self.config.ramping_coefficients) == 3
        assert self.scheduler.config.timestep_spacing == "trailing", "as the authors ask"
        # The real one draws its input's noise from torch's own generator, and that of the views from the one given.
        encoded = self.vae.encode(torch.zeros(1, 3, 32, 32)).latent_dist.sample()
        noise = torch.randn((4, 40, 40), generator=kwargs["generator"])
        for step in range(num_inference_steps):
            kwargs["callback_on_step_end"](self, step, step, {})
        grain = float(encoded.mean() + noise.mean()) % 0.05
        side = width // 2
        small = np.asarray(image.resize((side, side)), np.float32) / 255
        assert abs(small[0, 0, 0] - 127 / 255) < 0.01, "shown on grey"
        sheet = np.zeros((height, width, 3), np.float32)
        for place in range(6):
            view = small.copy()
            object_here = np.abs(view - 127 / 255).max(axis=2) > 0.05
            view[object_here] = np.clip(view[object_here] + grain, 0, 1)
            view[side // 2 - 5 : side // 2 + 5, side // 2 - 5 : side // 2 + 5] = (1, place / 6, 0)
            top, left = place // 2 * side, place % 2 * side
            sheet[top : top + side, left : left + side] = view
        if FAULT == "nan":
            sheet[5, 5] = np.nan
        if FAULT == "memory":
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: not enough memory: you tried")
        if FAULT == "small":
            sheet = sheet[:480, :320]
        if FAULT == "grey":
            sheet[:] = 127 / 255
        if FAULT == "shapes":
            raise ValueError("Expected 4 channels")
        return ImagePipelineOutput(images=sheet[None])
'''


def save_zero123plus(folder: Path, fault: str = "") -> Path:
    """``fault``: ``nan``, ``memory``, ``small``, ``grey`` or ``shapes``."""
    torch.manual_seed(2)
    folder.mkdir(parents=True)
    (folder / "pipeline.py").write_text(f"FAULT = {fault!r}\n{PIPELINE}")
    AutoencoderKL(
        block_out_channels=[32, 64], in_channels=3, out_channels=3, latent_channels=4, sample_size=32,
        down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2,
    ).save_pretrained(folder / "vae")  # fmt: skip
    DDPMScheduler().save_pretrained(folder / "scheduler")
    index = {
        "_class_name": "Zero123PlusPipeline",
        "_diffusers_version": "0.42.0",
        # A list that is no part: the real index has it too.
        "ramping_coefficients": [0.0, 0.5, 1.0],
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "DDPMScheduler"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


GENERIC = '''
import numpy as np
import torch
from diffusers import AutoencoderKL, DiffusionPipeline
from diffusers.pipelines.pipeline_utils import ImagePipelineOutput


class FourViews(DiffusionPipeline):
    """One picture each, and takes nothing that it does not know."""

    def __init__(self, vae: AutoencoderKL):
        super().__init__()
        self.register_modules(vae=vae)

    def __call__(self, picture, generator=None, brightness=0.0, output_type="pil"):
        small = np.asarray(picture.resize((64, 64)), np.float32) / 255
        return ImagePipelineOutput(images=[np.clip(small + brightness + 0.01 * i, 0, 1) for i in range(4)])
'''


def save_generic(folder: Path, views: dict[str, object]) -> Path:
    """A pipeline of another kind, described by the ``views.json`` beside it."""
    save_zero123plus(folder)
    (folder / "pipeline.py").write_text(GENERIC)
    (folder / "model_index.json").write_text(
        json.dumps({"_class_name": "FourViews", "_diffusers_version": "0.42.0", "vae": ["diffusers", "AutoencoderKL"]})
    )
    (folder / "views.json").write_text(json.dumps(views))
    return folder

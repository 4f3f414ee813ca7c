"""Tiny pipelines with random weights, saved to disk as the real ones are: what the loading code is tested with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, ControlNetModel, EulerDiscreteScheduler, UNet2DConditionModel
from diffusers import StableDiffusionXLImg2ImgPipeline as Img2Img
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

WIDTH = 32
"""Of the text embedding; SDXL joins those of two encoders."""


def save_sdxl(folder: Path) -> Path:
    """SDXL image-to-image with networks of a few thousand weights."""
    torch.manual_seed(0)
    text = CLIPTextConfig(
        bos_token_id=0, eos_token_id=2, pad_token_id=1, hidden_size=WIDTH, intermediate_size=37, num_hidden_layers=2,
        num_attention_heads=4, vocab_size=1000, hidden_act="gelu", projection_dim=WIDTH,
    )  # fmt: skip
    tokenizer = _tokenizer(folder.parent / f"{folder.name}-tokenizer")
    Img2Img(
        vae=_vae(),
        text_encoder=CLIPTextModel(text),
        text_encoder_2=CLIPTextModelWithProjection(text),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=UNet2DConditionModel(**_unet(), sample_size=32, in_channels=4, out_channels=4, **_added(2 * WIDTH)),
        scheduler=EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"),
    ).save_pretrained(folder)
    return folder


def save_controlnet(folder: Path) -> Path:
    """A ControlNet that fits :func:`save_sdxl` and steers: its last layers are made random, untrained ones are zero."""
    torch.manual_seed(1)
    shape = _unet()
    shape.pop("up_block_types")
    net = ControlNetModel(**shape, conditioning_embedding_out_channels=(16, 32), **_added(2 * WIDTH))
    with torch.no_grad():
        for parameters in (
            net.controlnet_mid_block,
            net.controlnet_down_blocks,
            net.controlnet_cond_embedding.conv_out,
        ):
            for weight in parameters.parameters():
                weight.normal_(0, 0.5)
    net.save_pretrained(folder)
    return folder


PIPELINE = '''
import torch
from diffusers import AutoencoderKL, DiffusionPipeline, UNet2DModel
from diffusers.image_processor import VaeImageProcessor
from diffusers.pipelines.stable_diffusion.pipeline_output import StableDiffusionPipelineOutput


class TinyFixerPipeline(DiffusionPipeline):
    """Called as Difix is; mixes the reference in, so that a test can see whether it came."""

    def __init__(self, vae: AutoencoderKL):
        super().__init__()
        self.register_modules(vae=vae)
        self.image_processor = VaeImageProcessor(vae_scale_factor=2)

    @torch.no_grad()
    def __call__(self, prompt=None, image=None, ref_image=None, height=None, width=None, num_inference_steps=50,
                 timesteps=None, guidance_scale=7.5, generator=None, output_type="pil", **kwargs):
        assert prompt == "remove degradation", prompt
        assert num_inference_steps == 1 and timesteps == [199] and guidance_scale == 0.0
        assert image.size == (width, height)
        pixels = self.image_processor.preprocess(image).to(self.vae.dtype)
        if ref_image is not None:
            assert ref_image.size == image.size
            pixels = (pixels + self.image_processor.preprocess(ref_image).to(self.vae.dtype)) / 2
        self.vae.encode(pixels).latent_dist.sample(generator)
        return StableDiffusionPipelineOutput(
            images=self.image_processor.postprocess(pixels, output_type=output_type), nsfw_content_detected=None
        )
'''


def save_fixer(folder: Path) -> Path:
    """A folder as `maquette models pull` leaves Difix: networks, and the code of their pipeline beside them."""
    torch.manual_seed(2)
    folder.mkdir(parents=True)
    (folder / "pipeline.py").write_text(PIPELINE)
    _vae().save_pretrained(folder / "vae")
    index: dict[str, Any] = {
        "_class_name": "TinyFixerPipeline",
        "_diffusers_version": "0.42.0",
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=[32, 64], in_channels=3, out_channels=3, latent_channels=4, sample_size=32,
        down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2,
    )  # fmt: skip


def _unet() -> dict[str, Any]:
    return {
        "block_out_channels": (32, 64), "layers_per_block": 1, "attention_head_dim": (2, 4),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "use_linear_projection": True, "transformer_layers_per_block": (1, 1), "cross_attention_dim": 2 * WIDTH,
    }  # fmt: skip


def _added(width: int) -> dict[str, Any]:
    # Six numbers of SDXL's size conditioning, eight wide each, beside the pooled text.
    return {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 6 * 8 + WIDTH,
    }


def _tokenizer(folder: Path) -> CLIPTokenizer:
    folder.mkdir(parents=True)
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters), ",</w>"]
    (folder / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer.from_pretrained(folder, model_max_length=77)

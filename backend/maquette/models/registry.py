"""The models that Maquette can use: one entry each, with purpose, licence, source, pinned revision and checksums.

Revisions are full commits, so what a source holds under them cannot change. Checksums are written here where they are
published by the source or agreed on by several independent users of the same file; where none is known, the pull
compares with what the hub itself says of the file and notes the sha256 in the folder's manifest (docs/models.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from maquette.models.errors import UnknownModelError


@dataclass(frozen=True)
class HubSource:
    """Files of a repository on the Hugging Face hub; ``include`` are patterns of paths, which they keep."""

    repository: str
    revision: str
    include: tuple[str, ...]
    sha256: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class UrlSource:
    """One file at an address that names a commit or a release; ``path`` is its place in the model's folder."""

    url: str
    path: str
    bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class ModelEntry:
    """One model. ``bytes`` is about what it takes on disk; ``main_file`` the one to load of a model of one file."""

    name: str
    purpose: str
    kind: Literal["diffusers", "onnx", "torch"]
    licence: str
    licence_url: str
    commercial: bool
    bytes: int
    revision: str
    sources: tuple[HubSource | UrlSource, ...]
    main_file: str | None = None
    brings_code: bool = False
    note: str = ""

    @property
    def known_sha256(self) -> dict[str, str]:
        """Checksums that are written here, by path in the folder."""
        known: dict[str, str] = {}
        for source in self.sources:
            if isinstance(source, HubSource):
                known |= source.sha256
            elif source.sha256 is not None:
                known[source.path] = source.sha256
        return known


_SDXL = "462165984030d82259a11f4367a4eed129e94a7b"
_SDXL_DEPTH = "17bb97973f29801224cd66f192c5ffacf82648b4"
_DIFIX = "d4830559772a5795c9d136302c5b197d6418d3fb"
_DIFIX_CODE = "c76edc595586e16732c91ddee82f3a6d83a8a9cc"
_DEPTH_ANYTHING = "4472b7362082ad9968fee890ca0f1e5aca36b93d"
_DEPTH_ANYTHING_BASE = "70fc6025110462412a23f8f647d2cd708d6ecc2e"
_DEPTH_ANYTHING_LARGE = "58f6f567efd3eacfeddec1dcc21cf77f67e4eaa9"
_ZERO123 = "2da07e89919e1a130c9b5add1584c70c7aa065fd"
_ZERO123_CODE = "983e66d28a3637ddd8e3e2fd8165cdff32230872"
_LPIPS = "082bb24f84c091ea94de2867d34c4544f68e0963"
_CONFIGURATION = ("*.json", "*.txt")

MODELS: tuple[ModelEntry, ...] = (
    ModelEntry(
        name="sdxl",
        purpose="view enhancement (method sdxl): Stable Diffusion XL base 1.0, half precision",
        kind="diffusers",
        licence="CreativeML Open RAIL++-M",
        licence_url="https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0/blob/main/LICENSE.md",
        commercial=True,
        bytes=6_941_000_000,
        revision=_SDXL,
        sources=(
            HubSource(
                "stabilityai/stable-diffusion-xl-base-1.0",
                _SDXL,
                # The repository also holds the same weights in single precision, in Flax, in OpenVINO and in ONNX.
                (
                    "model_index.json",
                    "LICENSE.md",
                    "scheduler/*",
                    "tokenizer/*",
                    "tokenizer_2/*",
                    "text_encoder/config.json",
                    "text_encoder/model.fp16.safetensors",
                    "text_encoder_2/config.json",
                    "text_encoder_2/model.fp16.safetensors",
                    "unet/config.json",
                    "unet/diffusion_pytorch_model.fp16.safetensors",
                    "vae/config.json",
                    "vae/diffusion_pytorch_model.fp16.safetensors",
                ),
                {
                    "text_encoder/model.fp16.safetensors": (
                        "660c6f5b1abae9dc498ac2d21e1347d2abdb0cf6c0c0c8576cd796491d9a6cdd"
                    ),
                    "text_encoder_2/model.fp16.safetensors": (
                        "ec310df2af79c318e24d20511b601a591ca8cd4f1fce1d8dff822a356bcdb1f4"
                    ),
                    "unet/diffusion_pytorch_model.fp16.safetensors": (
                        "83e012a805b84c7ca28e5646747c90a243c65c8ba4f070e2d7ddc9d74661e139"
                    ),
                    "vae/diffusion_pytorch_model.fp16.safetensors": (
                        "bcb60880a46b63dea58e9bc591abe15f8350bde47b405f9c38f4be70c6161e68"
                    ),
                },
            ),
        ),
        note="The licence forbids uses listed in its attachment A.",
    ),
    ModelEntry(
        name="sdxl-depth",
        purpose="depth ControlNet for sdxl: keeps enhanced views to the model's shape",
        kind="diffusers",
        licence="CreativeML Open RAIL++-M",
        licence_url="https://huggingface.co/diffusers/controlnet-depth-sdxl-1.0",
        commercial=True,
        bytes=2_502_000_000,
        revision=_SDXL_DEPTH,
        sources=(
            HubSource(
                "diffusers/controlnet-depth-sdxl-1.0",
                _SDXL_DEPTH,
                ("config.json", "diffusion_pytorch_model.fp16.safetensors"),
                {
                    "diffusion_pytorch_model.fp16.safetensors": (
                        "66a6813e6bd7270ecfe68206a59ddd605a011ae85321188376605c66e0a4f303"
                    )
                },
            ),
        ),
    ),
    ModelEntry(
        name="difix-ref",
        purpose="view enhancement (method fixer): Difix with a reference photo, one step",
        kind="diffusers",
        licence="NVIDIA License and Stability AI Community License",
        licence_url="https://huggingface.co/nvidia/difix_ref/blob/main/LICENSE.txt",
        commercial=False,
        bytes=5_170_000_000,
        revision=_DIFIX,
        sources=(
            HubSource("nvidia/difix_ref", _DIFIX, (*_CONFIGURATION, "NOTICE", "*.py", "*.safetensors")),
            UrlSource(
                f"https://raw.githubusercontent.com/nv-tlabs/Difix3D/{_DIFIX_CODE}/src/pipeline_difix.py", "pipeline.py"
            ),
        ),
        brings_code=True,
    ),
    ModelEntry(
        name="depth-anything-v2-small",
        purpose="depth of each photo (ONNX)",
        kind="onnx",
        licence="Apache-2.0",
        licence_url="https://huggingface.co/onnx-community/depth-anything-v2-small",
        commercial=True,
        bytes=99_060_839,
        revision=_DEPTH_ANYTHING,
        sources=(
            HubSource(
                "onnx-community/depth-anything-v2-small",
                _DEPTH_ANYTHING,
                ("onnx/model.onnx", "preprocessor_config.json"),
                {"onnx/model.onnx": "afb6a5c28f3b6bf1618c6e43f02073ef9dfdc70e937502d51603e57b0a1df10c"},
            ),
        ),
        main_file="onnx/model.onnx",
        note="The larger Depth Anything V2 weights are non-commercial; these are not.",
    ),
    ModelEntry(
        name="depth-anything-v2-base",
        purpose="depth of each photo, finer and slower (ONNX)",
        kind="onnx",
        licence="CC-BY-NC-4.0",
        licence_url="https://huggingface.co/onnx-community/depth-anything-v2-base",
        commercial=False,
        bytes=390_000_000,
        revision=_DEPTH_ANYTHING_BASE,
        sources=(
            HubSource(
                "onnx-community/depth-anything-v2-base",
                _DEPTH_ANYTHING_BASE,
                ("onnx/model.onnx", "preprocessor_config.json"),
            ),
        ),
        main_file="onnx/model.onnx",
    ),
    ModelEntry(
        name="depth-anything-v2-large",
        purpose="depth of each photo, finest and slowest (ONNX)",
        kind="onnx",
        licence="CC-BY-NC-4.0",
        licence_url="https://huggingface.co/onnx-community/depth-anything-v2-large",
        commercial=False,
        bytes=1_340_000_000,
        revision=_DEPTH_ANYTHING_LARGE,
        sources=(
            HubSource(
                "onnx-community/depth-anything-v2-large",
                _DEPTH_ANYTHING_LARGE,
                ("onnx/model.onnx", "preprocessor_config.json"),
            ),
        ),
        main_file="onnx/model.onnx",
    ),
    ModelEntry(
        name="midas-small",
        purpose="depth of each photo, smaller and coarser (ONNX, 256 px)",
        kind="onnx",
        licence="MIT",
        licence_url="https://github.com/isl-org/MiDaS/blob/master/LICENSE",
        commercial=True,
        bytes=66_764_249,
        revision="release v2_1",
        sources=(
            UrlSource(
                "https://github.com/isl-org/MiDaS/releases/download/v2_1/model-small.onnx",
                "model-small.onnx",
                66_764_249,
                "2d8c6cb8f415229daf1eb041024208e2608c9f98e17c81cc7c6ecb449c56fd58",
            ),
        ),
        main_file="model-small.onnx",
    ),
    ModelEntry(
        name="u2net",
        purpose="background removal (ONNX, as rembg runs it)",
        kind="onnx",
        licence="Apache-2.0",
        licence_url="https://github.com/xuebinqin/U-2-Net/blob/master/LICENSE",
        commercial=True,
        bytes=175_997_641,
        revision="rembg release v0.0.0",
        sources=(
            UrlSource(
                "https://github.com/danielgatis/rembg/releases/download/v0.0.0/u2net.onnx",
                "u2net.onnx",
                175_997_641,
                "8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491",
            ),
        ),
        main_file="u2net.onnx",
    ),
    ModelEntry(
        name="u2netp",
        purpose="background removal, smallest (ONNX, as rembg runs it)",
        kind="onnx",
        licence="Apache-2.0",
        licence_url="https://github.com/xuebinqin/U-2-Net/blob/master/LICENSE",
        commercial=True,
        bytes=4_574_861,
        revision="rembg release v0.0.0",
        sources=(
            UrlSource(
                "https://github.com/danielgatis/rembg/releases/download/v0.0.0/u2netp.onnx",
                "u2netp.onnx",
                4_574_861,
                "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
            ),
        ),
        main_file="u2netp.onnx",
    ),
    ModelEntry(
        name="isnet-general-use",
        purpose="background removal, finer edges (ONNX, as rembg runs it)",
        kind="onnx",
        licence="Apache-2.0",
        licence_url="https://github.com/xuebinqin/DIS",
        commercial=True,
        bytes=178_648_008,
        revision="rembg release v0.0.0",
        sources=(
            UrlSource(
                "https://github.com/danielgatis/rembg/releases/download/v0.0.0/isnet-general-use.onnx",
                "isnet-general-use.onnx",
                178_648_008,
                "60920e99c45464f2ba57bee2ad08c919a52bbf852739e96947fbb4358c0d964a",
            ),
        ),
        main_file="isnet-general-use.onnx",
    ),
    ModelEntry(
        name="birefnet-general-lite",
        purpose="background removal, best edges, slow on a CPU (ONNX, as rembg runs it)",
        kind="onnx",
        licence="MIT",
        licence_url="https://github.com/ZhengPeng7/BiRefNet/blob/main/LICENSE",
        commercial=True,
        bytes=224_005_088,
        revision="rembg release v0.0.0",
        sources=(
            UrlSource(
                "https://github.com/danielgatis/rembg/releases/download/v0.0.0/BiRefNet-general-bb_swin_v1_tiny-epoch_232.onnx",
                "birefnet-general-lite.onnx",
                224_005_088,
                "5600024376f572a557870a5eb0afb1e5961636bef4e1e22132025467d0f03333",
            ),
        ),
        main_file="birefnet-general-lite.onnx",
    ),
    ModelEntry(
        name="zero123plus",
        purpose="six views from one image: Zero123++ v1.2",
        kind="diffusers",
        licence="CC-BY-NC-4.0 (its pipeline code: Apache-2.0)",
        licence_url="https://github.com/SUDO-AI-3D/zero123plus",
        commercial=False,
        bytes=5_580_000_000,
        revision=_ZERO123,
        sources=(
            HubSource("sudo-ai/zero123plus-v1.2", _ZERO123, (*_CONFIGURATION, "*.safetensors")),
            HubSource("sudo-ai/zero123plus-pipeline", _ZERO123_CODE, ("pipeline.py",)),
        ),
        brings_code=True,
        note="Its code imports torchvision, which none of our extras brings: install the one that fits your torch.",
    ),
    ModelEntry(
        name="lpips-alex",
        purpose="the metric LPIPS: AlexNet, and the linear layers v0.1 on its features",
        kind="torch",
        licence="BSD-2-Clause (LPIPS) and BSD-3-Clause (AlexNet of torchvision)",
        licence_url="https://github.com/richzhang/PerceptualSimilarity/blob/master/LICENSE",
        commercial=True,
        bytes=244_414_920,
        revision=_LPIPS,
        sources=(
            UrlSource(
                f"https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/{_LPIPS}/lpips/weights/v0.1/alex.pth",
                "alex.pth",
                6_009,
                "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
            ),
            UrlSource(
                "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
                "alexnet-owt-7be5be79.pth",
                sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
            ),
        ),
    ),
)
"""Every name under ``maquette.recon`` that asks for weights is one of these."""


def find_model(name: str) -> ModelEntry:
    """The entry of this name. Raises :class:`UnknownModelError`."""
    for entry in MODELS:
        if entry.name == name:
            return entry
    raise UnknownModelError(name, [entry.name for entry in MODELS])

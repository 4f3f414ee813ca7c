"""A tiny random SDXL through the real loading and running code: sizes, seeds, steps, depth, broken folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.recon.enhance.conftest import drawing, having

from maquette.errors import MaquetteError
from maquette.recon.enhance import EnhanceParameters, EnhanceRequest, enhance, open_method
from maquette.recon.enhance.errors import BadEnhancementError, BrokenModelError, EnhancementFailedError
from maquette.recon.weights import LocalModel

# diffusers 0.42 asks numpy for an array of a tensor in a way that numpy 2.4 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")

QUICK = {"steps": 4, "strength": 0.5, "working_side_px": 0, "tile_px": 64}


def quick(**changes: object) -> EnhanceParameters:
    return EnhanceParameters(**(QUICK | changes))  # type: ignore[arg-type]


def test_an_odd_view_in_tiles_comes_back_at_its_size_and_fully_recorded(sdxl: LocalModel) -> None:
    render = drawing(61, 97)
    heard: list[float] = []

    def progress(stage: str, fraction: float, message: str = "") -> None:
        assert stage == "enhancing"
        heard.append(fraction)

    enhanced = enhance(
        EnhanceRequest(render, parameters=quick(prompt="a fox")), "sdxl", having(sdxl), progress=progress
    )
    assert enhanced.image.shape == render.shape and enhanced.image.dtype == np.uint8
    assert enhanced.image.std() > 5
    record = enhanced.record
    assert (record.steps, record.steps_run, record.tiles) == (4, 2, 2), "strength 0.5 runs half of the schedule"
    assert (record.method, record.model, record.revision) == ("sdxl", "sdxl", sdxl.revision)
    assert (record.prompt, record.strength, record.guidance, record.seed) == ("a fox", 0.5, 5.0, 0)
    assert record.device == "cpu" and record.seconds > 0 and not record.depth_control and not record.photo_used
    assert heard == [0.25, 0.5, 0.75, 1.0]
    json.dumps(record.as_dict())


def test_the_same_seed_gives_the_same_picture(sdxl: LocalModel) -> None:
    render = drawing(40, 56)
    with open_method("sdxl", having(sdxl), "cpu") as enhancer:
        first, again, other = (
            enhancer(EnhanceRequest(render, parameters=quick(seed=seed))).image for seed in (7, 7, 8)
        )
    assert (first == again).all()
    assert (first != other).any()


def test_prompt_strength_and_guidance_matter(sdxl: LocalModel) -> None:
    request = EnhanceRequest(drawing(40, 56), parameters=quick())
    with open_method("sdxl", having(sdxl), "cpu") as enhancer:
        pictures = [
            enhancer(EnhanceRequest(request.render, parameters=quick(**change))).image
            for change in ({}, {"prompt": "zzz"}, {"negative_prompt": "zzz"}, {"strength": 0.8}, {"guidance": 9.0})
        ]
        unguided = enhancer(EnhanceRequest(request.render, parameters=quick(guidance=1.0))).record
    for picture in pictures[1:]:
        assert (picture != pictures[0]).any()
    assert unguided.negative_prompt is None, "it has no effect without guidance"


def test_small_views_are_enlarged_for_the_model(sdxl: LocalModel) -> None:
    enhanced = enhance(EnhanceRequest(drawing(13, 21), parameters=quick(working_side_px=64)), "sdxl", having(sdxl))
    assert enhanced.image.shape == (13, 21, 3)
    assert enhanced.record.tiles == 1


def test_depth_steers_where_the_controlnet_is_there(sdxl: LocalModel, controlnet: LocalModel) -> None:
    render, depth = drawing(40, 56), np.tile(np.linspace(1, 3, 56, dtype=np.float32), (40, 1))
    plain = enhance(EnhanceRequest(render, depth=depth, parameters=quick()), "sdxl", having(sdxl))
    assert not plain.record.depth_control, "a depth alone steers nothing"
    with open_method("sdxl", having(sdxl, controlnet), "cpu") as enhancer:
        without = enhancer(EnhanceRequest(render, parameters=quick()))
        steered = enhancer(EnhanceRequest(render, depth=depth, parameters=quick(depth_weight=1.0)))
        otherwise = enhancer(EnhanceRequest(render, depth=depth[:, ::-1].copy(), parameters=quick(depth_weight=1.0)))
    assert not without.record.depth_control
    assert np.abs(without.image.astype(int) - plain.image).max() <= 1, "weighed by zero it is plain image-to-image"
    assert steered.record.depth_control and steered.record.depth_revision == controlnet.revision
    assert without.record.depth_revision is None
    assert (steered.image != without.image).any() and (steered.image != otherwise.image).any()


def test_steps_that_come_to_nothing_are_refused(sdxl: LocalModel) -> None:
    with pytest.raises(BadEnhancementError, match="none at all"):
        enhance(EnhanceRequest(drawing(16, 16), parameters=quick(steps=3, strength=0.3)), "sdxl", having(sdxl))


def test_cancelling_between_two_steps(sdxl: LocalModel) -> None:
    class StopError(Exception):
        pass

    def progress(stage: str, fraction: float, message: str = "") -> None:
        raise StopError

    with pytest.raises(StopError):
        enhance(EnhanceRequest(drawing(16, 16), parameters=quick()), "sdxl", having(sdxl), progress=progress)


def _drop(name: str) -> Callable[[Path], None]:
    return lambda folder: shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()


def _write(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None  # type: ignore[return-value]


def _cut(name: str, keep: int) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:keep]) and None  # type: ignore[return-value]


def _reclass(folder: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"_class_name": "FluxPipeline"}))


def _widen(folder: Path) -> None:
    config = json.loads((folder / "unet" / "config.json").read_text())
    (folder / "unet" / "config.json").write_text(json.dumps(config | {"block_out_channels": [32, 128]}))


UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_drop("model_index.json"), "model_index.json is missing"),
        (_write("model_index.json", b"{"), "model_index.json cannot be read"),
        (_write("model_index.json", b"[]"), "describes nothing"),
        (_reclass, "FluxPipeline"),
        (_drop("vae"), "folder vae is missing"),
        (_drop("scheduler"), "folder scheduler is missing"),
        (_drop("tokenizer/tokenizer.json"), "words of tokenizer are missing"),
        (_drop(UNET), "no weights"),
        (_drop("unet/config.json"), "unet/config.json is missing"),
        (_cut(UNET, 100_000), "damaged"),
        (_cut(UNET, 0), "damaged"),
        (_write(UNET, b"this is no weights file at all, but a text"), "damaged"),
        (_widen, ""),
    ],
)
def test_broken_folders(sdxl: LocalModel, tmp_path: Path, spoil: Callable[[Path], None], says: str) -> None:
    folder = tmp_path / "sdxl"
    shutil.copytree(sdxl.folder, folder)
    spoil(folder)
    model = LocalModel("sdxl", folder, "local", "licence")
    with pytest.raises(BrokenModelError) as caught, open_method("sdxl", having(model), "cpu"):
        pass
    assert says in caught.value.message
    assert str(tmp_path) not in caught.value.message, "the owner's folders are nobody's business"
    assert "maquette models verify sdxl" in caught.value.suggestion


def test_a_controlnet_that_is_none(sdxl: LocalModel, tmp_path: Path) -> None:
    empty = LocalModel("sdxl-depth", tmp_path, "local", "licence")
    with pytest.raises(BrokenModelError, match="sdxl-depth"), open_method("sdxl", having(sdxl, empty), "cpu"):
        pass


def test_weights_of_nan_give_an_error_and_no_black_picture(sdxl: LocalModel, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "sdxl"
    shutil.copytree(sdxl.folder, folder)
    weights = load_file(folder / UNET)
    name = "conv_out.bias"
    weights[name] = torch.full_like(weights[name], float("nan"))
    save_file(weights, folder / UNET, metadata={"format": "pt"})
    model = LocalModel("sdxl", folder, "local", "licence")
    with pytest.raises(EnhancementFailedError, match="undefined values"):
        enhance(EnhanceRequest(drawing(16, 16), parameters=quick()), "sdxl", having(model), device="cpu")


def test_a_gpu_that_is_not_there_is_never_replaced(sdxl: LocalModel) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(MaquetteError) as caught, open_method("sdxl", having(sdxl), "cuda"):
        pass
    assert caught.value.code == "device_unavailable"


def test_half_precision_files_are_found(sdxl: LocalModel, tmp_path: Path) -> None:
    """`maquette models pull` leaves only the files of half precision; on the CPU they are read in single."""
    folder = tmp_path / "sdxl"
    shutil.copytree(sdxl.folder, folder)
    for path in folder.rglob("*.safetensors"):
        path.rename(path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")))
    model = LocalModel("sdxl", folder, "local", "licence")
    same = [
        enhance(EnhanceRequest(drawing(16, 24), parameters=quick()), "sdxl", having(one), device="cpu").image
        for one in (sdxl, model)
    ]
    assert (same[0] == same[1]).all()

"""The fixer is called as Difix is, sees the photo, and runs no code that was not allowed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.recon.enhance.conftest import drawing, having, trusted

from maquette.recon.enhance import EnhanceParameters, EnhanceRequest, enhance, open_method
from maquette.recon.enhance.errors import BrokenModelError, ModelCodeRefusedError
from maquette.recon.weights import LocalModel

QUICK = EnhanceParameters(working_side_px=0, tile_px=64)


@pytest.fixture
def copy(fixer: LocalModel, tmp_path: Path) -> Path:
    shutil.copytree(fixer.folder, tmp_path / "fixer")
    return tmp_path / "fixer"


def test_a_render_is_fixed_beside_its_photo(fixer: LocalModel) -> None:
    render, photo = drawing(61, 97), drawing(61, 97, seed=1)
    fixed = enhance(EnhanceRequest(render, photo=photo, parameters=QUICK), "fixer", having(fixer), device="cpu")
    # The tiny pipeline answers the mean of both, so each must have come, whole and in its place.
    mean = (render.astype(int) + photo) / 2
    assert np.abs(fixed.image - mean).max() <= 1
    record = fixed.record
    assert (record.method, record.model, record.revision) == ("fixer", "difix-ref", fixer.revision)
    assert (record.steps, record.steps_run, record.strength, record.guidance) == (1, 1, 0.2, 0.0)
    assert record.prompt == "remove degradation" and record.photo_used and record.tiles == 2


def test_without_a_photo_it_says_that_none_was_used(fixer: LocalModel) -> None:
    render = drawing(40, 56)
    fixed = enhance(EnhanceRequest(render, parameters=QUICK), "fixer", having(fixer), device="cpu")
    assert np.abs(fixed.image.astype(int) - render).max() <= 1
    assert not fixed.record.photo_used


def test_code_is_refused_unless_allowed(fixer: LocalModel, copy: Path) -> None:
    (copy / "pipeline.py").write_text("raise SystemExit('this must never run')")
    with pytest.raises(ModelCodeRefusedError, match="no setting") as caught:
        enhance(EnhanceRequest(drawing(8, 8)), "fixer", having(replace(fixer, folder=copy, trusted_code={})))
    assert "MAQUETTE_TRUST_MODEL_CODE=difix-ref" in caught.value.suggestion
    # Allowed, but changed since.
    with pytest.raises(ModelCodeRefusedError, match=r"pipeline.py is not as it was"):
        enhance(EnhanceRequest(drawing(8, 8)), "fixer", having(replace(fixer, folder=copy)))


def test_a_file_of_code_that_was_slipped_in_is_refused(fixer: LocalModel, copy: Path) -> None:
    (copy / "vae" / "autoencoder_kl.py").write_text("raise SystemExit('this must never run')")
    with pytest.raises(ModelCodeRefusedError, match=r"vae/autoencoder_kl.py"):
        enhance(EnhanceRequest(drawing(8, 8)), "fixer", having(replace(fixer, folder=copy)))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import a_package_that_nobody_has\n", "a_package_that_nobody_has"),
        ("def broken(:\n", ""),
        (
            "from diffusers import AutoencoderKL, DiffusionPipeline\n\n"
            "class TinyFixerPipeline(DiffusionPipeline):\n"
            "    def __init__(self, vae: AutoencoderKL):\n"
            "        super().__init__()\n"
            "        self.register_modules(vae=vae)\n"
            "    def __call__(self, prompt): ...\n",
            "no fixer: it does not take generator, guidance_scale, height, image",
        ),
    ],
)
def test_code_that_is_none_of_a_fixer(copy: Path, code: str, says: str) -> None:
    (copy / "pipeline.py").write_text(code)
    with pytest.raises(BrokenModelError) as caught, open_method("fixer", having(trusted(copy)), "cpu"):
        pass
    assert says in caught.value.message


def test_a_folder_without_its_code(copy: Path, fixer: LocalModel) -> None:
    (copy / "pipeline.py").unlink()
    with (
        pytest.raises(BrokenModelError, match="code of its pipeline"),
        open_method("fixer", having(replace(fixer, folder=copy)), "cpu"),
    ):
        pass

"""Multi-view pipelines through the real loading code: asked as they want, cut up right, refused; their faults."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.recon.single.conftest import having, trusted, vase

from maquette.progress import CancelledError
from maquette.recon.background import Removed
from maquette.recon.enhance.errors import BrokenModelError, ModelCodeRefusedError
from maquette.recon.single.crop import square_crop
from maquette.recon.single.errors import (
    ViewModelFilesError,
    ViewsExtraMissingError,
    ViewsFailedError,
    ViewsMemoryError,
)
from maquette.recon.single.pipelines import open_view_pipeline, view_model_problem
from maquette.recon.weights import LocalModel, Weights, WeightsMissingError

# diffusers' schedulers make arrays of torch's tensors, which numpy 2 finds old-fashioned.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def square(level: int = 127) -> np.ndarray:
    pixels, mask = vase()
    return square_crop(pixels, Removed(mask, "grabcut", True, 1.0), 512, 0.1, level)


@pytest.fixture
def copy(zero123plus: LocalModel, tmp_path: Path) -> Path:
    shutil.copytree(zero123plus.folder, tmp_path / "zero123plus")
    return tmp_path / "zero123plus"


def test_six_views_in_the_order_of_their_cameras(zero123plus: LocalModel) -> None:
    heard: list[float] = []
    with open_view_pipeline("zero123plus", having(zero123plus), "cpu") as pipeline:
        views = pipeline(square(), progress=lambda stage, fraction, message="": heard.append(fraction))
    assert [view.shape for view in views] == [(320, 320, 3)] * 6
    # Each place is marked with its number.
    assert [round(float(view[160, 160, 1]) / 255 * 6) for view in views] == [0, 1, 2, 3, 4, 5]
    assert [view[160, 160, 0] for view in views] == [255] * 6
    assert len(heard) == 36 and heard == sorted(heard) and heard[-1] == 1.0
    assert pipeline.method == f"zero123plus@{zero123plus.revision}"


def test_the_seed_decides_all_chance(zero123plus: LocalModel) -> None:
    import torch

    with open_view_pipeline("zero123plus", having(zero123plus), "cpu") as pipeline:
        torch.manual_seed(99)
        before = torch.random.get_rng_state()
        first = pipeline(square(), seed=4)
        assert torch.equal(torch.random.get_rng_state(), before), "nobody else's chance is touched"
        torch.manual_seed(5)
        again, other = pipeline(square(), seed=4), pipeline(square(), seed=6)
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not all(np.array_equal(one, two) for one, two in zip(first, other, strict=True))


def test_cancelling_goes_through(zero123plus: LocalModel) -> None:
    def stop(stage: str, fraction: float, message: str = "") -> None:
        raise CancelledError

    with open_view_pipeline("zero123plus", having(zero123plus), "cpu") as pipeline, pytest.raises(CancelledError):
        pipeline(square(), progress=stop)


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        ("nan", ViewsFailedError, "undefined values"),
        ("small", ViewsFailedError, "480x320x3 instead of 960x640x3"),
        ("shapes", ViewsFailedError, "Expected 4 channels"),
        ("memory", ViewsMemoryError, "memory of cpu"),
    ],
)
def test_answers_that_are_no_views(copy: Path, fault: str, error: type[Exception], says: str) -> None:
    code = (copy / "pipeline.py").read_text()
    (copy / "pipeline.py").write_text(code.replace("FAULT = ''", f"FAULT = {fault!r}", 1))
    opened = open_view_pipeline("zero123plus", having(trusted(copy)), "cpu")
    with opened as pipeline, pytest.raises(error, match=says):
        pipeline(square())


def test_code_is_refused_unless_allowed(zero123plus: LocalModel, copy: Path) -> None:
    (copy / "pipeline.py").write_text("raise SystemExit('this must never run')")
    untrusted = having(replace(zero123plus, folder=copy, trusted_code={}))
    assert isinstance(view_model_problem("zero123plus", untrusted), ModelCodeRefusedError)
    with pytest.raises(ModelCodeRefusedError, match="no setting"), open_view_pipeline("zero123plus", untrusted):
        pass
    changed = having(replace(zero123plus, folder=copy))
    refused = pytest.raises(ModelCodeRefusedError, match=r"pipeline\.py is not as it was")
    with refused, open_view_pipeline("zero123plus", changed):
        pass


def test_what_its_code_needs_is_named_before_anything_is_loaded(copy: Path) -> None:
    code = (copy / "pipeline.py").read_text()
    (copy / "pipeline.py").write_text(
        code.replace("import numpy as np", "import numpy as np, a_package_of_nobody.part", 1)
    )
    problem = view_model_problem("zero123plus", having(trusted(copy)))
    assert isinstance(problem, ViewsExtraMissingError) and "a_package_of_nobody," in problem.message


def test_folders_that_are_not_whole(zero123plus: LocalModel, copy: Path) -> None:
    def opened() -> None:
        with open_view_pipeline("zero123plus", having(replace(zero123plus, folder=copy)), "cpu"):
            pass

    weights = next((copy / "vae").glob("*.safetensors"))
    content = weights.read_bytes()
    weights.write_bytes(content[: len(content) // 2])
    with pytest.raises(BrokenModelError, match="damaged"):
        opened()
    weights.unlink()
    with pytest.raises(BrokenModelError, match="no weights"):
        opened()
    weights.write_bytes(content)
    (copy / "pipeline.py").unlink()
    with pytest.raises(BrokenModelError, match="code of its pipeline"):
        opened()
    (copy / "model_index.json").unlink()
    with pytest.raises(BrokenModelError, match=r"model_index\.json is missing"):
        opened()


def test_without_weights_or_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "diffusers" else object())
    problem = view_model_problem("zero123plus", Weights())
    assert isinstance(problem, ViewsExtraMissingError) and "maquette[diffusion]" in problem.suggestion
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert isinstance(view_model_problem("zero123plus", Weights()), WeightsMissingError)


VIEWS = {
    "azimuths_deg": [0, 90, 180, 270],
    "elevations_deg": [5, 5, 5, 5],
    "fov_deg": 40,
    "view_px": 64,
    "input_px": 256,
}


def test_another_pipeline_by_a_description_beside_it(diffusion: None, tmp_path: Path) -> None:
    from tests.recon.single.tiny import save_generic

    told = {**VIEWS, "arguments": {"brightness": 0.1}}
    model = trusted(save_generic(tmp_path / "four", told), "four")
    with open_view_pipeline("four", having(model), "cpu") as pipeline:
        views = pipeline(square(100))
    assert [view.shape for view in views] == [(64, 64, 3)] * 4
    # 100 of 255 on the border, and the brightness that the description asked for.
    assert [int(view[0, 0, 0]) for view in views] == pytest.approx([126, 128, 131, 133], abs=1)
    cameras = pipeline.made.cameras()
    assert [camera.width for camera in cameras] == [64] * 4
    assert cameras[1].centre[0] > 0.99 * np.linalg.norm(cameras[1].centre), "90 degrees are to the right"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"elevations_deg": [5]}, "differ in number"),
        ({"grid": [3, 2]}, "another number of views"),
        ({"view_px": 4}, "16 to 4096"),
        ({"fov_deg": 179}, "field of view"),
        ({"elevations_deg": [5, 5, 5, 90]}, "elevation"),
        ({"colour": "blue"}, "cannot be read"),
        ({"azimuths_deg": "north"}, "cannot be read"),
    ],
)
def test_descriptions_that_say_nothing(tmp_path: Path, change: dict[str, object], says: str) -> None:
    import json

    from maquette.recon.single.view_models import described

    model = LocalModel("four", tmp_path, "local", "")
    with pytest.raises(ViewModelFilesError, match=r"no views\.json"):
        described(model)
    (tmp_path / "views.json").write_text(json.dumps({**VIEWS, **change}))
    with pytest.raises(ViewModelFilesError, match=says):
        described(model)

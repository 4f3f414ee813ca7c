"""Methods are found by name, say what stands in their way, and are never swapped in silence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.recon.enhance.conftest import REVISION, drawing, having

from maquette.errors import BadInputError, MaquetteError
from maquette.recon.enhance import METHODS, EnhanceParameters, EnhanceRequest, choose_method, enhance, open_method
from maquette.recon.enhance.errors import UnknownMethodError
from maquette.recon.weights import LocalModel, Weights, WeightsMissingError


def test_none_returns_the_render_and_says_so() -> None:
    render = drawing(61, 97)
    enhanced = enhance(EnhanceRequest(render))
    assert (enhanced.image == render).all()
    assert enhanced.record.method == "none" and enhanced.record.model is None and enhanced.record.strength is None
    enhanced.image[:] = 0
    assert render.any(), "the result is a picture of its own"


def test_the_list_names_each_method_once() -> None:
    names = [method.name for method in METHODS]
    assert names == ["none", "classical", "sdxl", "fixer"]
    assert [method.invents for method in METHODS] == [False, False, True, True]


def test_without_weights_nothing_is_enhanced_and_the_reasons_are_given(diffusion: None) -> None:
    choice = choose_method(None, Weights())
    assert choice.method.name == "none"
    assert "not enhanced" in choice.reason
    assert [problem.code for problem in choice.problems] == ["model_weights_missing"] * 2
    assert "maquette models pull" in choice.problems[0].suggestion
    told = json.loads(json.dumps(choice.as_dict()))
    assert told["method"] == "none" and len(told["problems"]) == 2


def test_with_weights_the_model_is_chosen(diffusion: None, tmp_path: Path) -> None:
    model = LocalModel("sdxl", tmp_path, REVISION, "licence")
    assert choose_method(None, having(model), gpu=True).method.name == "sdxl"
    assert choose_method("classical", having(model)).method.name == "classical"
    code = LocalModel("difix-ref", tmp_path, REVISION, "licence", trusted_code={"pipeline.py": "0" * 64})
    assert choose_method(None, having(model, code), gpu=True).method.name == "fixer"
    assert having(model, code).editions == (f"difix-ref@{REVISION}+code", f"sdxl@{REVISION}"), "what a result hangs on"


def test_nobody_gets_a_neural_method_on_the_cpu_without_having_asked(diffusion: None, tmp_path: Path) -> None:
    weights = having(LocalModel("sdxl", tmp_path, REVISION, "licence"))
    choice = choose_method(None, weights, gpu=False)
    assert choice.method.name == "none"
    assert [problem.code for problem in choice.problems] == ["model_weights_missing", "enhancement_without_gpu"]
    assert choose_method("sdxl", weights, gpu=False).method.name == "sdxl"


def test_a_method_that_was_asked_for_is_never_replaced(diffusion: None) -> None:
    with pytest.raises(WeightsMissingError, match="sdxl"):
        choose_method("sdxl", Weights())
    refused = MaquetteError("The licence of 'sdxl' was not accepted.")
    with pytest.raises(MaquetteError, match="licence") as caught:
        enhance(EnhanceRequest(drawing(8, 8)), "sdxl", Weights(problems={"sdxl": refused}))
    assert caught.value is refused
    with pytest.raises(UnknownMethodError, match="magic"), open_method("magic"):
        pass


def test_a_missing_extra_is_named() -> None:
    program = (
        "import sys, importlib.util as u; real = u.find_spec;"
        "u.find_spec = lambda name, *rest: None if name == 'diffusers' else real(name, *rest);"
        "from maquette.recon.enhance import choose_method; from maquette.recon.weights import Weights;"
        "print(choose_method(None, Weights()).problems[0].as_dict());"
        "print('torch' in sys.modules or 'diffusers' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "diffusion_extra_missing" in out and "pip install 'maquette[diffusion]'" in out
    assert out.splitlines()[-1] == "False", "asking imports nothing heavy"


@pytest.mark.parametrize(
    "bad",
    [
        {"strength": 0.0}, {"strength": 1.01}, {"strength": float("nan")}, {"steps": 0}, {"steps": 201},
        {"guidance": -1.0}, {"guidance": float("inf")}, {"seed": -1}, {"seed": 2**63}, {"tile_px": 8},
        {"blur_px": -0.1}, {"noise": 101.0}, {"iterations": 51}, {"working_side_px": -1}, {"depth_weight": 3.0},
    ],
)  # fmt: skip
def test_parameters_out_of_bounds(bad: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=next(iter(bad))) as caught:
        EnhanceParameters(**bad)
    assert caught.value.code == "bad_enhancement" and caught.value.suggestion


def test_pictures_that_do_not_belong_together() -> None:
    render = drawing(20, 30)
    with pytest.raises(BadInputError, match="photo has 30 x 21"):
        EnhanceRequest(render, photo=drawing(21, 30))
    with pytest.raises(BadInputError, match="depth has 29 x 20"):
        EnhanceRequest(render, depth=np.ones((20, 29), np.float32))
    with pytest.raises(BadInputError, match="no pixels"):
        EnhanceRequest(np.zeros((0, 5, 3), np.uint8))

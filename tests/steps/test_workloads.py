"""Work of one name takes about as long; whatever changes the time changes the name."""

from __future__ import annotations

from typing import Any

import pytest

from maquette.steps.parameters import ExportParameters, GenerateParameters, RefineParameters
from maquette.steps.workloads import size_of, workload_of

MODEL = {"preset": "quality", "settings": {"max_side_px": 640}}


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({}, "generate/balanced"),
        ({"preset": "quality", "seed": 7}, "generate/quality"),
        ({"iterations": 1500, "long_side": 640}, "generate/balanced/1500it/640px"),
        ({"max_gaussians": 5000}, "generate/balanced/5000gaussians"),
    ],
)
def test_a_generate_is_named_by_its_preset_and_what_overrides_it(said: dict[str, Any], name: str) -> None:
    assert workload_of("generate", GenerateParameters(**said).model_dump(mode="json")) == name


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"enhancement": "none"}, "refine/none/quality/640px"),
        ({"num_iterations": 9, "seed": 3}, "refine/default/quality/640px"),
        (
            {"enhancement": "sdxl", "steps_per_iteration": 50, "enhancement_steps": 8, "views_to_refine": [4, 5]},
            "refine/sdxl/quality/640px/50it/8steps/2views",
        ),
    ],
)
def test_a_refine_is_named_by_its_enhancement_and_by_how_its_model_was_trained(said: dict[str, Any], name: str) -> None:
    assert workload_of("refine", RefineParameters(**said).model_dump(mode="json"), model=MODEL) == name


def test_a_model_that_says_nothing_of_its_training_is_no_fault() -> None:
    assert workload_of("refine", {"enhancement": "none"}, model={}) == "refine/none"
    assert workload_of("refine", {}) == "refine/default"


def test_an_export_is_named_by_its_format_and_options() -> None:
    assert workload_of("export", ExportParameters().model_dump(mode="json")) == "export/ply"
    options = ExportParameters(format="splat", filter_floaters=True, optimize=True)
    assert workload_of("export", options.model_dump(mode="json")) == "export/splat/filtered/optimized"


def test_sizes_count_what_takes_the_time() -> None:
    assert size_of("generate", {}, photos=12) == 12
    assert size_of("refine", {"num_iterations": 3}, photos=12) == 36
    assert size_of("export", {}, gaussians=150_000) == 150

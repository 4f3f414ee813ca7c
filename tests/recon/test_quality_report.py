"""``quality.json`` says what was measured, what it is worth, and nothing that is not known."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from maquette.recon.quality import Quality
from maquette.recon.quality_report import (
    CLASSES,
    MeshQuality,
    Reference,
    ViewQuality,
    Warned,
    json_schema,
    quality_class,
    quality_report,
)

SQL = Path(__file__).resolve().parents[2] / "sql" / "functions" / "0060_judge_quality.sql"


def conforms(value: Any, schema: dict[str, Any]) -> bool:
    """As much of JSON Schema as the report's own schema uses."""
    if "anyOf" in schema:
        return any(conforms(value, one) for one in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    match schema["type"]:
        case "object" if isinstance(value, dict):
            known = schema.get("properties", {})
            others = schema["additionalProperties"]
            return set(schema.get("required", ())) <= value.keys() and all(
                conforms(value[key], known[key]) if key in known else bool(others) and conforms(value[key], others)
                for key in value
            )
        case "array":
            return isinstance(value, list) and all(conforms(one, schema["items"]) for one in value)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
    return False


def views(*numbers: tuple[float, float]) -> list[ViewQuality]:
    return [ViewQuality(i, f"{i:04d}.jpg", psnr, ssim) for i, (psnr, ssim) in enumerate(numbers)]


def test_the_report_sums_up_its_views_and_conforms_to_its_schema() -> None:
    report = quality_report(
        2,
        views((30.0, 0.9), (26.0, 0.88)),
        split="held_out",
        observed_share=0.97,
        mesh=MeshQuality(21.5, None, 30_000),
        degraded=True,
        warnings=[Warned("depth_network_missing", "No depth network is here.")],
    )
    assert (report.psnr, report.ssim, report.status) == (28.0, 0.89, "normal")
    assert report.overall == Quality(28.0, 0.89).overall
    assert report.summary == "Normal: PSNR 28.0 dB, SSIM 0.89 on photos never trained on."
    data = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert conforms(data, json_schema())
    assert data["mesh"]["psnr"] == 21.5
    assert data["warnings"][0]["code"] == "depth_network_missing"
    assert {"status", "psnr", "ssim", "psnr_expected", "ssim_expected", "observed_share", "degraded"} <= data.keys()
    for broken in ({**data, "psnr": "28"}, {**data, "extra": 1}, {k: v for k, v in data.items() if k != "views"}):
        assert not conforms(broken, json_schema())


@pytest.mark.parametrize(
    ("psnr", "ssim", "expected"),
    [
        (25.0, 0.85, "normal"),
        (24.99, 0.99, "warning"),
        (40.0, 0.84, "warning"),
        (20.0, 0.75, "warning"),
        (19.9, 0.99, "failure"),
        (30.0, 0.7, "failure"),
        (None, 0.9, "failure"),
    ],
)
def test_both_numbers_have_to_be_reached(psnr: float | None, ssim: float | None, expected: str) -> None:
    assert quality_class(psnr, ssim) == expected


def test_the_bounds_are_those_of_the_database() -> None:
    values = re.search(r"values (\('normal'.*\))", SQL.read_text())
    assert values is not None
    in_sql = re.findall(r"\('(\w+)', ([\d.]+)(?:::double precision)?, ([\d.]+)", values[1])
    assert {name: (float(psnr), float(ssim)) for name, psnr, ssim in in_sql} == dict(CLASSES)


def test_expectations_are_medians_of_similar_captures_or_not_known() -> None:
    known = [
        Reference("a", "balanced", 20, 24.0, 0.80),
        Reference("b", "balanced", 40, 27.0, 0.86),
        Reference("c", "balanced", 25, 26.0, 0.90),
        Reference("far", "balanced", 200, 40.0, 0.99),
        Reference("other", "fastest", 25, 10.0, 0.10),
    ]
    report = quality_report(0, views((26.5, 0.86)), split="held_out", preset="balanced", photos=30, references=known)
    assert (report.psnr_expected, report.ssim_expected) == (26.0, 0.86)
    assert "3 captures of 20 to 40 photos" in report.expected_from
    few = quality_report(0, views((26.5, 0.86)), split="held_out", preset="fastest", photos=30, references=known)
    assert (few.psnr_expected, few.ssim_expected) == CLASSES["normal"]
    assert few.expected_from.startswith("the least of the class normal: 1 similar")


def test_training_views_are_named_and_nothing_measured_is_unknown() -> None:
    trained = quality_report(0, views((35.0, 0.95)), split="training")
    assert trained.split == "training"
    assert "trained on" in trained.summary
    empty = quality_report(0, [], split="held_out")
    assert (empty.status, empty.psnr, empty.ssim, empty.overall, empty.split) == ("unknown", None, None, None, None)
    assert conforms(json.loads(json.dumps(empty.as_dict())), json_schema())


def test_undefined_numbers_are_a_failure() -> None:
    report = quality_report(0, views((30.0, 0.9), (float("nan"), 0.9)), split="held_out")
    assert (report.status, report.psnr, report.views[1].psnr) == ("failure", None, None)
    assert conforms(json.loads(json.dumps(report.as_dict(), allow_nan=False)), json_schema())
    assert "undefined" in report.summary

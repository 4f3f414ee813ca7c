"""The one function for looking: what it gives, what it refuses, and how a backend that is not there says so."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from tests.recon.rasterize.scenes import camera, random_gaussians

from maquette.recon.rasterize import OUTPUTS, backends, rasterize
from maquette.recon.rasterize.rendering import OutputNotAskedError


def test_gives_what_is_asked_and_nothing_else() -> None:
    rendering = rasterize(random_gaussians(5), camera(), outputs=("contribution",))
    assert list(rendering.outputs) == ["contribution"]
    with pytest.raises(OutputNotAskedError) as caught:
        _ = rendering.median_depth
    assert "'median_depth'" in caught.value.suggestion


@pytest.mark.parametrize("output", OUTPUTS)
def test_an_output_does_not_depend_on_what_else_is_asked(output: str) -> None:
    gaussians, view = random_gaussians(50), camera()
    alone = rasterize(gaussians, view, outputs=(output,))
    together = rasterize(gaussians, view, outputs=OUTPUTS)
    np.testing.assert_array_equal(getattr(alone, output), getattr(together, output))


def test_contribution_is_counted_in_pixels() -> None:
    gaussians, view = random_gaussians(60), camera()
    rendering = rasterize(gaussians, view, outputs=OUTPUTS)
    assert rendering.contribution.sum() == pytest.approx(rendering.alpha.sum(), rel=1e-5)
    assert 0 < rendering.visible.sum() < len(gaussians)
    np.testing.assert_array_equal(rendering.visible, rendering.contribution > 0)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"near": 2.0, "far": 1.0}, "far plane"),
        ({"near": -1.0}, "near plane"),
        ({"background": (0.0, float("nan"), 0.0)}, "background"),
        ({"outputs": ("image", "normals")}, "normals"),
        ({"outputs": ()}, "Nothing"),
    ],
)
def test_bad_arguments_are_refused(changed: dict[str, object], said: str) -> None:
    with pytest.raises(backends.BadViewError, match=said) as caught:
        rasterize(random_gaussians(1), camera(), **changed)  # type: ignore[arg-type]
    assert caught.value.code == "bad_view"


@pytest.mark.parametrize(
    ("field", "value"),
    [("width", 0), ("fx", 0.0), ("fy", -3.0), ("cx", float("inf")), ("camera_from_world", np.full((4, 4), np.nan))],
)
def test_bad_cameras_are_refused(field: str, value: object) -> None:
    with pytest.raises(backends.BadViewError):
        rasterize(random_gaussians(1), replace(camera(), **{field: value}))  # type: ignore[arg-type]


def test_an_unknown_backend_is_named_with_those_there_are() -> None:
    with pytest.raises(backends.UnknownBackendError) as caught:
        rasterize(random_gaussians(1), camera(), backend="abacus")
    assert "abacus" in caught.value.message
    assert "cpu" in caught.value.suggestion


def test_every_backend_has_its_module() -> None:
    for name, module in backends.BACKENDS.items():
        assert find_spec(module) is not None, name
        assert backends.EXTRAS.keys() <= backends.BACKENDS.keys()


def test_a_missing_backend_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backends.BACKENDS, "cuda", "maquette_is_not_installed_with_this")
    with pytest.raises(backends.BackendMissingError) as caught:
        rasterize(random_gaussians(1), camera(), backend="cuda")
    assert caught.value.code == "backend_missing"
    assert "[cuda]" in caught.value.suggestion


def test_a_module_that_the_cpu_lacks_is_a_broken_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "maquette.recon.rasterize.cpu", None)
    with pytest.raises(ModuleNotFoundError):
        rasterize(random_gaussians(1), camera())

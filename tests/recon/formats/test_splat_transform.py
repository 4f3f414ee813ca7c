"""SplatTransform reads what we write, and we read what it writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.recon.formats.samples import check_gaussians, colors, degrees_between, opacities, random_gaussians
from tests.recon.formats.splat_transform import convert

from maquette.recon.formats import Format, format_named, gaussians_glb, ply, splat
from maquette.recon.frame import Similarity, moved
from maquette.recon.gaussians import Gaussians

HALF_TURN_ABOUT_Z = Similarity(1.0, np.diag([-1.0, -1.0, 1.0]), np.zeros(3))
"""From the frame of a PLY to that of glTF, as SplatTransform has it."""


def solid_enough(model: Gaussians) -> Gaussians:
    """Without what 8 bits make fully clear or solid, of which it gives infinite logits."""
    return replace(model, opacity_logits=model.opacity_logits.clip(-5, 5))


def unnamed(format: Format) -> Format:
    """As one whose precision is not stated, as others round in other ways."""
    return replace(format, name="its")


@pytest.mark.parametrize("degree", [0, 3])
@pytest.mark.parametrize("name", ["spz", "sog", "compressed.ply"])
def test_it_reads_our_files(name: str, degree: int, tmp_path: Path) -> None:
    """Within the format's own precision; it turns nothing, so SPZ's frame is left to whoever opens the file."""
    format = format_named(name)
    model = solid_enough(random_gaussians(700, degree))
    format.write(model, tmp_path / f"model{format.extension}", provenance={"project": "any"})
    convert(tmp_path / f"model{format.extension}", tmp_path / "back.ply")
    back = ply.read(tmp_path / "back.ply")
    check_gaussians(format, model, back)


@pytest.mark.parametrize("name", ["sog", "compressed.ply"])
def test_we_read_its_files(name: str, tmp_path: Path) -> None:
    """As it reads them itself. SPZ is not among them: it writes version 4, which web viewers of today do not read,
    and neither do we.
    """
    format = format_named(name)
    ply.write(solid_enough(random_gaussians(300, 0)), tmp_path / "model.ply", provenance={})
    convert(tmp_path / "model.ply", tmp_path / f"its{format.extension}")
    convert(tmp_path / f"its{format.extension}", tmp_path / "back.ply")
    ours, its = format.read(tmp_path / f"its{format.extension}"), ply.read(tmp_path / "back.ply")
    np.testing.assert_allclose(ours.means, its.means, atol=1e-6)
    np.testing.assert_allclose(ours.log_scales, its.log_scales, atol=1e-6)
    np.testing.assert_allclose(ours.sh, its.sh, atol=1e-6)
    np.testing.assert_allclose(opacities(ours), opacities(its), atol=1e-6)
    assert degrees_between(ours, its).max() < 0.06


def test_it_reads_our_splat(tmp_path: Path) -> None:
    """Its 128 for a rotation is not quite 0, so rotations may be half a step further off than ours."""
    model = solid_enough(random_gaussians(700, 0))
    splat.write(model, tmp_path / "model.splat", provenance={})
    convert(tmp_path / "model.splat", tmp_path / "back.ply")
    back, model = ply.read(tmp_path / "back.ply"), model.subset(splat.by_importance(model))
    np.testing.assert_array_equal(back.means, model.means)
    np.testing.assert_allclose(back.log_scales, model.log_scales, atol=1e-5)
    np.testing.assert_allclose(colors(back), colors(model), atol=0.002)
    np.testing.assert_allclose(opacities(back), opacities(model), atol=0.002)
    assert degrees_between(back, model).max() < 1.6


@pytest.mark.parametrize("degree", [0, 3])
def test_its_gaussians_in_gltf_are_ours(degree: int, tmp_path: Path) -> None:
    """It writes GLB and does not read it: what it makes of a PLY must be what we make of the same, stood upright."""
    model = random_gaussians(300, degree)
    ply.write(model, tmp_path / "model.ply", provenance={})
    convert(tmp_path / "model.ply", tmp_path / "its.glb")
    upright = moved(model, HALF_TURN_ABOUT_Z)
    check_gaussians(unnamed(gaussians_glb.FORMAT), upright, gaussians_glb.read(tmp_path / "its.glb"))

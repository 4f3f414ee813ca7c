"""Packed PLY: read by others, and hostile files."""

from __future__ import annotations

from pathlib import Path

import gsply
import numpy as np
import plyfile
import pytest
from tests.recon.formats.samples import colors, degrees_between, opacities, random_gaussians

from maquette.recon.formats import compressed_ply
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.formats.morton import morton_order
from maquette.recon.gaussians import Gaussians


@pytest.mark.parametrize(("degree", "higher"), [(0, 0), (1, 9), (3, 45)])
def test_plyfile_sees_the_elements_of_packed_ply(degree: int, higher: int, tmp_path: Path) -> None:
    compressed_ply.write(random_gaussians(600, degree), tmp_path / "model.ply", provenance={"up": "-y"})
    data = plyfile.PlyData.read(str(tmp_path / "model.ply"))
    assert data.comments == ["up: -y"]
    assert [(e.name, e.count) for e in data.elements] == [("chunk", 3), ("vertex", 600)] + [("sh", 600)] * (degree > 0)
    assert len(data["chunk"].properties) == 18
    assert {p.val_dtype for p in data["vertex"].properties} == {"u4"}
    if higher:
        assert [p.name for p in data["sh"].properties] == [f"f_rest_{i}" for i in range(higher)]
    assert (data["chunk"]["max_x"] >= data["chunk"]["min_x"]).all()


@pytest.mark.parametrize("degree", [0, 2, 3])
def test_gsply_reads_the_same_model(degree: int, tmp_path: Path) -> None:
    model = random_gaussians(600, degree)
    compressed_ply.write(model, tmp_path / "model.compressed.ply", provenance={})
    read = gsply.plyread(tmp_path / "model.compressed.ply")
    model = model.subset(morton_order(model.means))
    higher = read.shN.reshape(600, -1, 3) if degree else np.zeros((600, 0, 3), np.float32)
    there = Gaussians(
        read.means, read.scales, read.quats, read.opacities, np.concatenate([read.sh0[:, None], higher], 1)
    )
    extent = np.ptp(model.means, axis=0).max()
    assert np.abs(there.means - model.means).max() < extent / 1023
    assert np.abs(there.log_scales - model.log_scales).max() < 0.005
    assert degrees_between(there, model).max() < 0.25
    assert np.abs(opacities(there) - opacities(model)).max() < 0.0025
    assert np.abs(colors(there) - colors(model)).max() < 0.0022
    assert np.abs(there.sh[:, 1:] - model.sh[:, 1:]).max(initial=0) < 0.03


def test_harmonics_at_the_ends_of_a_byte(tmp_path: Path) -> None:
    model = random_gaussians(5, 1)
    model.sh[:, 1, 0] = (-9, -4, 0, 4, 9)
    compressed_ply.write(model, tmp_path / "model", provenance={})
    back = compressed_ply.read(tmp_path / "model")
    found = np.argmin(np.linalg.norm(back.means[None] - model.means[:, None], axis=2), axis=1)
    np.testing.assert_allclose(back.sh[found, 1, 0], (-4, -4, 0, 4, 4), atol=4 / 256)


def test_older_files_without_bounds_of_colours_are_read(tmp_path: Path) -> None:
    """As SuperSplat 1 wrote them: colours from 0 to 1 in the byte."""
    path = tmp_path / "model.ply"
    names = compressed_ply._CHUNK_NAMES[:12]
    chunk = np.zeros(1, [(name, "<f4") for name in names])
    for name in names:
        chunk[name] = 1 if name.startswith("max") else 0
    vertex = np.zeros(1, [(name, "<u4") for name in compressed_ply._VERTEX_NAMES])
    vertex["packed_color"] = 255 << 24 | 51 << 8 | 128
    elements = [plyfile.PlyElement.describe(chunk, "chunk"), plyfile.PlyElement.describe(vertex, "vertex")]
    plyfile.PlyData(elements, byte_order="<").write(str(path))
    np.testing.assert_allclose(colors(compressed_ply.read(path))[0], (1, 0, 0.2), atol=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"element chunk 1", b"element chunk 2", "do not fit"),
        (b"element vertex 3", b"element vertex 999999999", "do not fit"),
        (b"float min_x", b"uint min_x", "bounds"),
        (b"packed_scale", b"packed_scald", "four words"),
        (b"uchar f_rest_3", b"char f_rest_3", "harmonics do not fit"),
        (b"element sh 3", b"element sg 3", "no packed PLY"),
    ],
)
def test_hostile_files_are_refused_with_a_reason(old: bytes, new: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.ply"
    compressed_ply.write(random_gaussians(3, 1), path, provenance={})
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
    with pytest.raises(BadModelFileError, match=words):
        compressed_ply.read(path)


def test_bounds_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "hostile.ply"
    compressed_ply.write(random_gaussians(3, 0), path, provenance={})
    head, body = path.read_bytes().split(b"end_header\n", 1)
    path.write_bytes(head + b"end_header\n" + b"\xff" * 4 + body[4:])
    with pytest.raises(BadModelFileError, match="not finite"):
        compressed_ply.read(path)

"""Points as PLY, read back by plyfile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import plyfile
import pytest
from tests.recon.formats.samples import random_points

from maquette.recon.formats import pointcloud
from maquette.recon.formats.errors import BadModelFileError


@pytest.mark.parametrize("count", [1, 65_536 + 3])
def test_plyfile_sees_the_same_points(count: int, tmp_path: Path) -> None:
    points = random_points(count)
    pointcloud.write(points, tmp_path / "points.ply", provenance={"project": "Häuschen\nend_header"})
    seen = plyfile.PlyData.read(str(tmp_path / "points.ply"))
    assert seen.comments == ["project: H\\xe4uschen end-header"]
    vertex = seen["vertex"]
    assert [p.name for p in vertex.properties] == ["x", "y", "z", "nx", "ny", "nz", "red", "green", "blue"]
    np.testing.assert_array_equal(np.stack([vertex[a] for a in "xyz"], axis=1), points.positions)
    np.testing.assert_array_equal(np.stack([vertex[f"n{a}"] for a in "xyz"], axis=1), points.normals)
    np.testing.assert_array_equal(np.stack([vertex[c] for c in ("red", "green", "blue")], axis=1), points.colors)


def test_points_without_normals_are_written_without(tmp_path: Path) -> None:
    pointcloud.write(replace(random_points(9), normals=None), tmp_path / "points.ply", provenance={})
    names = [p.name for p in plyfile.PlyData.read(str(tmp_path / "points.ply"))["vertex"].properties]
    assert names == ["x", "y", "z", "red", "green", "blue"]
    assert pointcloud.read(tmp_path / "points.ply").normals is None


def test_other_programs_write_doubles_and_no_colours(tmp_path: Path) -> None:
    rows = np.zeros(5, [("quality", "f4"), ("z", "f8"), ("x", "f8"), ("y", "f8")])
    rows["x"], rows["z"] = np.arange(5), 7
    element = plyfile.PlyElement.describe(rows, "vertex")
    plyfile.PlyData([element], byte_order="<").write(str(tmp_path / "theirs.ply"))
    back = pointcloud.read(tmp_path / "theirs.ply")
    np.testing.assert_array_equal(back.positions, [[i, 0, 7] for i in range(5)])
    assert (back.colors == 128).all()


HEADER = "ply\nformat binary_little_endian 1.0\nelement {}\nend_header\n"


@pytest.mark.parametrize(
    "element",
    [
        "vertex 1000000000000",
        "vertex 999999999999\nproperty float x\nproperty float y\nproperty float z",
        "vertex 1\nproperty float x\nproperty float y",
        "vertex 1\nproperty int x\nproperty int y\nproperty int z",
        "vertex 0\nproperty float x\nproperty float y\nproperty float z",
        "vertex 1\nproperty list uchar int x",
        "face 1\nproperty float x\nproperty float y\nproperty float z",
    ],
)
def test_what_holds_no_points_is_refused(element: str, tmp_path: Path) -> None:
    (tmp_path / "bad.ply").write_bytes(HEADER.format(element).encode() + bytes(12))
    with pytest.raises(BadModelFileError):
        pointcloud.read(tmp_path / "bad.ply")


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    element = "vertex 1\nproperty double x\nproperty double y\nproperty double z"
    rows = np.array([1.0, 1e300, 0.0])
    (tmp_path / "bad.ply").write_bytes(HEADER.format(element).encode() + rows.tobytes())
    with pytest.raises(BadModelFileError, match="not finite"):
        pointcloud.read(tmp_path / "bad.ply")

"""PLY: read by others, and hostile files."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import gsply
import numpy as np
import plyfile
import pytest

from maquette.recon.formats import ply
from maquette.recon.formats.errors import BadModelFileError


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_plyfile_reads_every_property(degree: int, random_model, tmp_path: Path) -> None:
    model = random_model(11, degree)
    ply.write(model, tmp_path / "model.ply", provenance={"up": "-y"})
    data = plyfile.PlyData.read(str(tmp_path / "model.ply"))
    rows = data["vertex"].data
    assert not data.text
    assert data.comments == ["up: -y"]
    assert list(rows.dtype.names[:9]) == ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    assert list(rows.dtype.names[-8:]) == [
        "opacity",
        "scale_0",
        "scale_1",
        "scale_2",
        "rot_0",
        "rot_1",
        "rot_2",
        "rot_3",
    ]
    np.testing.assert_array_equal(rows["y"], model.means[:, 1])
    np.testing.assert_array_equal(rows["nz"], np.zeros(11))
    np.testing.assert_array_equal(rows["opacity"], model.opacity_logits)
    np.testing.assert_array_equal(rows["scale_2"], model.log_scales[:, 2])
    np.testing.assert_array_equal(rows["rot_0"], model.quaternions[:, 0])
    rest = (degree + 1) ** 2 - 1
    for channel in range(3):
        np.testing.assert_array_equal(rows[f"f_dc_{channel}"], model.sh[:, 0, channel])
        for i in range(rest):
            np.testing.assert_array_equal(rows[f"f_rest_{channel * rest + i}"], model.sh[:, 1 + i, channel])


@pytest.mark.parametrize("degree", [0, 3])
def test_gsply_reads_the_same_model(degree: int, random_model, tmp_path: Path) -> None:
    model = random_model(11, degree)
    ply.write(model, tmp_path / "model.ply", provenance={"note": "any"})
    data = gsply.plyread(tmp_path / "model.ply")
    np.testing.assert_array_equal(data.means, model.means)
    np.testing.assert_array_equal(data.scales, model.log_scales)
    np.testing.assert_array_equal(data.quats, model.quaternions)
    np.testing.assert_array_equal(data.opacities, model.opacity_logits)
    np.testing.assert_array_equal(data.sh0, model.sh[:, 0])


def test_reads_what_plyfile_writes_in_another_order_and_type(random_model, tmp_path: Path) -> None:
    model = random_model(6, 0)
    names = ["opacity", "rot_3", "rot_2", "rot_1", "rot_0", "red", "z", "y", "x"]
    names += ["scale_0", "scale_1", "scale_2", "f_dc_2", "f_dc_1", "f_dc_0"]
    rows = np.zeros(6, [(n, "u1" if n == "red" else "<f8") for n in names])
    for i in range(3):
        rows["xyz"[i]] = model.means[:, i]
        rows[f"scale_{i}"] = model.log_scales[:, i]
        rows[f"f_dc_{i}"] = model.sh[:, 0, i]
    for i in range(4):
        rows[f"rot_{i}"] = model.quaternions[:, i]
    rows["opacity"] = model.opacity_logits
    faces = np.array([([0, 1, 2],)], dtype=[("vertex_indices", "i4", (3,))])
    elements = [plyfile.PlyElement.describe(rows, "vertex"), plyfile.PlyElement.describe(faces, "face")]
    plyfile.PlyData(elements, byte_order="<").write(str(tmp_path / "model.ply"))
    back = ply.read(tmp_path / "model.ply")
    for name in ("means", "log_scales", "quaternions", "opacity_logits", "sh"):
        np.testing.assert_array_equal(getattr(back, name), getattr(model, name))


@pytest.mark.parametrize("degree", [0, 3])
def test_round_trip_is_exact(degree: int, random_model, tmp_path: Path) -> None:
    model = random_model(100, degree)
    ply.write(model, tmp_path / "model.ply", provenance={})
    back = ply.read(tmp_path / "model.ply")
    for name in ("means", "log_scales", "quaternions", "opacity_logits", "sh"):
        np.testing.assert_array_equal(getattr(back, name), getattr(model, name))


def test_provenance_cannot_break_the_header(random_model, tmp_path: Path) -> None:
    hostile = {
        "name": "a\nelement vertex 999\nend_header\nä€\x00\x1b[31m" + "x" * 5000,
        "element vertex 3\nb": "end_header",
    }
    ply.write(random_model(4), tmp_path / "model.ply", provenance=hostile)
    header = (tmp_path / "model.ply").read_bytes().split(b"end_header\n")[0].decode("ascii")
    assert header.count("element vertex") == 1
    assert all(line.isprintable() and len(line) < 700 for line in header.splitlines())
    assert len(plyfile.PlyData.read(str(tmp_path / "model.ply")).comments) == 2
    assert len(ply.read(tmp_path / "model.ply")) == 4


HEADER = b"ply\nformat binary_little_endian 1.0\nelement vertex %s\n" + b"".join(
    b"property float %s\n" % name.encode()
    for name in [
        "x",
        "y",
        "z",
        "f_dc_0",
        "f_dc_1",
        "f_dc_2",
        "opacity",
        "scale_0",
        "scale_1",
        "scale_2",
        "rot_0",
        "rot_1",
        "rot_2",
        "rot_3",
    ]
)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no PLY"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "no PLY"),
        (b"ply\nformat ascii 1.0\n", "binary little-endian"),
        (b"ply\nformat binary_big_endian 1.0\n", "binary little-endian"),
        (HEADER % b"1" + b"x" * 1000, "no end"),
        (HEADER % b"1" + b"comment x\n" * 100_000, "no end"),
        (HEADER % b"1" + b"end_header\n" + b"\0" * 55, "ends early"),
        (HEADER % b"1" + b"end_header\n" + b"\0" * 57, "bytes too many"),
        (HEADER % b"1" + b"end_header\n" + b"\0" * 56, "rotation of Gaussian 0"),
        (HEADER % b"1" + b"end_header\n" + b"\xff" * 56, "not finite"),
        (HEADER % b"999999999999" + b"end_header\n" + b"\0" * 56, "ends early"),
        (HEADER % b"9999999999999999999999" + b"end_header\n", "not understood"),
        (HEADER % b"-1" + b"end_header\n", "not understood"),
        (HEADER % b"0" + b"end_header\n", "no Gaussians"),
        (HEADER % b"1" + b"property float x\nend_header\n", "declared twice"),
        (HEADER % b"1" + b"property list uchar int tri\nend_header\n", "not understood"),
        (HEADER % b"1" + b"property float f_rest_0\nend_header\n", "no spherical harmonics"),
        ((HEADER % b"1").replace(b"float opacity", b"uchar opacity") + b"end_header\n", "'opacity' is no float"),
        ((HEADER % b"1").replace(b"property float rot_2\n", b"") + b"end_header\n", "'rot_2' is missing"),
        ((HEADER % b"1").replace(b"vertex", b"face") + b"end_header\n", "not 'vertex'"),
        (b"ply\nformat binary_little_endian 1.0\nproperty float x\nend_header\n", "not understood"),
        (b"ply\nformat binary_little_endian 1.0\nend_header\n", "not 'vertex'"),
    ],
)
def test_hostile_files_are_refused_with_a_reason(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.ply"
    path.write_bytes(data)
    with pytest.raises(BadModelFileError, match=words) as caught:
        ply.read(path)
    assert caught.value.status == 422
    assert str(tmp_path) not in str(caught.value.as_dict())


def test_an_absurd_count_asks_for_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "hostile.ply"
    path.write_bytes(HEADER % b"99999999999" + b"end_header\n" + b"\0" * 5600)
    tracemalloc.start()
    with pytest.raises(BadModelFileError):
        ply.read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_writing_needs_little_more_memory_than_a_chunk(random_model, tmp_path: Path) -> None:
    model = random_model(300_000, 1)
    model_bytes = sum(a.nbytes for a in (model.means, model.log_scales, model.quaternions, model.sh))
    tracemalloc.start()
    ply.write(model, tmp_path / "model.ply", provenance={})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < model_bytes

"""Zipped OBJ, read back by trimesh, and OBJ as other programs write it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh
from tests.recon.formats.boxes import check_box, colored_box, signed_volume, textured_box

from maquette.recon.formats import obj
from maquette.recon.formats.errors import BadModelFileError

PROVENANCE = {"generator": "Maquette 0.1", "project": "Häuschen\nv 1 2 3", "version": "4"}


def unzipped(path: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(path.parent / "unzipped")
    return path.parent / "unzipped"


@pytest.mark.parametrize(("texture_format", "suffix", "tolerance"), [("png", "png", 6), ("jpeg", "jpg", 14)])
def test_trimesh_sees_the_box(texture_format: str, suffix: str, tolerance: float, tmp_path: Path) -> None:
    write = obj.write if texture_format == "png" else obj.FORMAT.compressed[texture_format]
    write(textured_box(normal_map=True), tmp_path / "box.obj.zip", provenance=PROVENANCE)
    folder = unzipped(tmp_path / "box.obj.zip")
    assert sorted(p.name for p in folder.iterdir()) == [
        "material.mtl",
        "mesh.obj",
        f"texture_color.{suffix}",
        f"texture_normal.{suffix}",
    ]
    seen = trimesh.load_mesh(folder / "mesh.obj", process=False)
    assert isinstance(seen.visual, trimesh.visual.TextureVisuals)
    assert seen.visual.uv is not None
    pixels = seen.visual.uv[seen.faces] * (1, -1) + (0, 1)  # v runs up
    check_box(seen.triangles, pixels, np.asarray(seen.visual.material.image.convert("RGB")), tolerance)
    material = (folder / "material.mtl").read_text()
    assert "\nKd 1 1 1\n" in material
    assert f"map_Kd texture_color.{suffix}\n" in material
    lines = (folder / "mesh.obj").read_text().splitlines()
    assert lines[:3] == ["# generator: Maquette 0.1", "# project: H\\xe4uschen v 1 2 3", "# version: 4"]
    assert sum(line.startswith("v ") for line in lines) == 24


def test_colours_of_vertices_are_srgb(tmp_path: Path) -> None:
    obj.write(colored_box(), tmp_path / "box.obj.zip", provenance={})
    folder = unzipped(tmp_path / "box.obj.zip")
    assert [p.name for p in folder.iterdir()] == ["mesh.obj"]  # a material would hide them
    seen = trimesh.load_mesh(folder / "mesh.obj", process=False)
    np.testing.assert_array_equal(seen.visual.vertex_colors[:, :3], colored_box().colors)


def test_numbers_come_back_exactly(tmp_path: Path) -> None:
    mesh = textured_box()
    obj.write(mesh, tmp_path / "box.obj.zip", provenance={})
    back = obj.read(tmp_path / "box.obj.zip")
    np.testing.assert_array_equal(back.vertices, mesh.vertices)
    np.testing.assert_array_equal(back.faces, mesh.faces)
    np.testing.assert_array_equal(back.uvs, mesh.uvs)
    assert back.texture is not None
    np.testing.assert_array_equal(back.texture.color, mesh.texture.color)


QUAD = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"


def zipped(path: Path, text: str, name: str = "some/model.obj") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, text)
    return path


@pytest.mark.parametrize("face", ["f 1 2 3 4", "f -4 -3 -2 -1", "f 1/1 2/2 3/3 4/4", "f 1/1/1 2/2/1 3/3/1 4/4/1"])
def test_other_programs_write_polygons(face: str, tmp_path: Path) -> None:
    back = obj.read(zipped(tmp_path / "quad.zip", QUAD + "vn 0 0 1\n" + face))
    assert len(back.faces) == 2
    corners = back.vertices[back.faces]
    areas = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    np.testing.assert_allclose(areas, [[0, 0, 1], [0, 0, 1]])
    assert (back.uvs is not None) == ("/" in face)
    assert signed_volume(corners) == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v 0 0 0\nf 1 1 1 2",
        "f 1 2 3",
        "v 0 0\nf 1 1 1",
        "v a b c\nf 1 1 1",
        "v nan 0 0\nf 1 1 1",
        QUAD + "f 0 1 2",
        QUAD + "f 1/9 2/1 3/1",
        QUAD + "f 99999999999999999999 1 2",
        QUAD + "f -9 1 2",
        "v 1e300 0 0\nf 1 1 1",
    ],
)
def test_what_is_no_obj_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadModelFileError):
        obj.read(zipped(tmp_path / "bad.zip", text))


def test_names_in_the_archive_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret.mtl").write_text("map_Kd secret.png")
    path = tmp_path / "inner" / "bad.zip"
    path.parent.mkdir()
    back = obj.read(
        zipped(path, f"mtllib ../secret.mtl\nmtllib {tmp_path}/secret.mtl\n{QUAD}f 1/1 2/2 3/3", "../m.obj")
    )
    assert back.texture is None
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["bad.zip", "inner", "secret.mtl"]


def test_what_says_it_is_huge_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", QUAD + "f 1 2 3", "model.obj")
    data = bytearray(path.read_bytes())
    size = data.index(b"PK\x01\x02") + 24  # of the unpacked file, in the list at the end
    data[size : size + 4] = b"\xf0\xff\xff\xff"
    path.write_bytes(data)
    with pytest.raises(BadModelFileError, match="too large"):
        obj.read(path)

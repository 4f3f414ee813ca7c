"""GLB, read back by trimesh and pygltflib, and held to the rules of glTF 2.0."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pygltflib
import pytest
import trimesh
from PIL import Image
from tests.recon.formats.boxes import COLORS, check_box, colored_box, textured_box

from maquette.recon.formats import glb
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.mesh import Mesh

PROVENANCE = {"generator": "Maquette 0.1", "project": "Häuschen", "unit": "metre"}
KINDS = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


def written(mesh: Mesh, path: Path, **options: Any) -> pygltflib.GLTF2:
    glb.write(mesh, path, provenance=PROVENANCE, **options)
    check_rules(path)
    loaded = pygltflib.GLTF2().load(str(path))
    assert loaded is not None
    return loaded


def numbers(gltf: pygltflib.GLTF2, index: int) -> np.ndarray:
    """An accessor, taken apart by hand."""
    accessor = gltf.accessors[index]
    view = gltf.bufferViews[accessor.bufferView]
    data = gltf.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
    return np.frombuffer(data, KINDS[accessor.componentType]).reshape(accessor.count, WIDTHS[accessor.type])


def picture(gltf: pygltflib.GLTF2, image: int) -> np.ndarray:
    view = gltf.bufferViews[gltf.images[image].bufferView]
    data = gltf.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
    with Image.open(io.BytesIO(data)) as opened:
        assert f"image/{(opened.format or '').lower()}" == gltf.images[image].mimeType
        return np.asarray(opened.convert("RGB"))


def check_rules(path: Path) -> None:
    """What a validator would look for: the container, alignment, bounds, extensions, materials."""
    data = path.read_bytes()
    assert struct.unpack("<4sII", data[:12]) == (b"glTF", 2, len(data))
    size, kind = struct.unpack("<I4s", data[12:20])
    assert (kind, size % 4) == (b"JSON", 0)
    gltf = json.loads(data[20 : 20 + size])
    body_size, kind = struct.unpack("<I4s", data[20 + size : 28 + size])
    assert (kind, body_size % 4) == (b"BIN\0", 0)
    assert 28 + size + body_size == len(data)
    assert gltf["asset"]["version"] == "2.0"
    assert 0 <= body_size - gltf["buffers"][0]["byteLength"] <= 3
    used: set[str] = set()
    end = 0
    for view in gltf["bufferViews"]:
        assert view["byteOffset"] % 4 == 0
        assert view["byteOffset"] >= end
        end = view["byteOffset"] + view["byteLength"]
        assert end <= gltf["buffers"][0]["byteLength"]
    for accessor in gltf["accessors"]:
        view = gltf["bufferViews"][accessor["bufferView"]]
        item = np.dtype(KINDS[accessor["componentType"]]).itemsize * WIDTHS[accessor["type"]]
        assert accessor["count"] * item == view["byteLength"]
        if view["target"] == 34962:
            assert item % 4 == 0  # vertex attributes are aligned to 4 bytes
    for primitive in (primitive for mesh in gltf["meshes"] for primitive in mesh["primitives"]):
        position = gltf["accessors"][primitive["attributes"]["POSITION"]]
        rows = _rows(data[28 + size :], gltf, primitive["attributes"]["POSITION"])
        assert position["min"] == rows.min(axis=0).astype(float).tolist()
        assert position["max"] == rows.max(axis=0).astype(float).tolist()
        corners = _rows(data[28 + size :], gltf, primitive["indices"])
        assert corners.max() < position["count"]
        assert corners.max() < np.iinfo(corners.dtype).max  # the largest index restarts a primitive
        assert len(corners) % 3 == 0
        assert {gltf["accessors"][i]["count"] for i in primitive["attributes"].values()} == {position["count"]}
        used |= set(gltf["materials"][primitive["material"]].get("extensions", {}))
    for texture in gltf.get("textures", []):
        used |= set(texture.get("extensions", {}))
        assert texture["sampler"] < len(gltf["samplers"])
    assert set(gltf.get("extensionsUsed", [])) == used
    assert set(gltf.get("extensionsRequired", [])) <= used
    assert gltf.get("extensionsUsed") != []


def _rows(body: bytes, gltf: dict[str, Any], index: int) -> np.ndarray:
    accessor = gltf["accessors"][index]
    view = gltf["bufferViews"][accessor["bufferView"]]
    data = body[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    return np.frombuffer(data, KINDS[accessor["componentType"]]).reshape(-1, WIDTHS[accessor["type"]])


@pytest.mark.parametrize(("texture_format", "tolerance"), [("png", 6), ("jpeg", 14), ("webp", 20)])
def test_the_box_is_right_by_the_rules_of_gltf(texture_format: str, tolerance: float, tmp_path: Path) -> None:
    gltf = written(textured_box(normal_map=True), tmp_path / "box.glb", texture_format=texture_format)
    primitive = gltf.meshes[0].primitives[0]
    corners = numbers(gltf, primitive.indices).reshape(-1, 3)
    places = numbers(gltf, primitive.attributes.TEXCOORD_0)[corners]  # v runs down in glTF
    check_box(numbers(gltf, primitive.attributes.POSITION)[corners], places, picture(gltf, 0), tolerance)
    material = gltf.materials[primitive.material]
    assert material.extensions == {"KHR_materials_unlit": {}}
    assert material.pbrMetallicRoughness.baseColorFactor == [1, 1, 1, 1]
    assert np.abs(picture(gltf, 1).astype(int) - (128, 140, 250)).max() <= 3
    assert (gltf.extensionsRequired == ["EXT_texture_webp"]) == (texture_format == "webp")
    assert gltf.asset.generator == "Maquette 0.1"
    assert gltf.asset.extras == PROVENANCE


def test_trimesh_sees_the_same_box(tmp_path: Path) -> None:
    written(textured_box(), tmp_path / "box.glb")
    (seen,) = trimesh.load_scene(tmp_path / "box.glb").geometry.values()
    assert isinstance(seen.visual, trimesh.visual.TextureVisuals)
    assert seen.visual.uv is not None
    pixels = seen.visual.uv[seen.faces] * (1, -1) + (0, 1)  # trimesh turns v upwards
    check_box(seen.triangles, pixels, np.asarray(seen.visual.material.baseColorTexture.convert("RGB")))
    np.testing.assert_allclose(seen.vertex_normals, textured_box().normals, atol=1e-6)


def test_colours_of_vertices_are_linear_and_shown_unlit(tmp_path: Path) -> None:
    gltf = written(colored_box(), tmp_path / "box.glb")
    primitive = gltf.meshes[0].primitives[0]
    assert gltf.materials[primitive.material].extensions == {"KHR_materials_unlit": {}}
    shares = numbers(gltf, primitive.attributes.COLOR_0).astype(float) / 65535
    assert gltf.accessors[primitive.attributes.COLOR_0].normalized
    srgb = 255 * np.where(shares <= 0.0031308, shares * 12.92, 1.055 * shares ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(srgb[::4, :3], list(COLORS.values()), atol=0.05)
    np.testing.assert_allclose(shares[:, 3], 1)
    back = glb.read(tmp_path / "box.glb")
    np.testing.assert_array_equal(back.colors, colored_box().colors)


def test_without_colours_the_surface_is_lit(tmp_path: Path) -> None:
    gltf = written(replace(colored_box(), colors=None), tmp_path / "box.glb")
    material = gltf.materials[0]
    assert not material.extensions
    assert not gltf.extensionsUsed
    assert 0.3 < material.pbrMetallicRoughness.baseColorFactor[0] < 0.9
    assert material.pbrMetallicRoughness.metallicFactor == 0


def test_a_texture_is_not_multiplied_by_colours_of_vertices(tmp_path: Path) -> None:
    gltf = written(replace(textured_box(), colors=colored_box().colors), tmp_path / "box.glb")
    assert gltf.meshes[0].primitives[0].attributes.COLOR_0 is None


@pytest.mark.parametrize(("count", "kind"), [(65_535 - 1, 5123), (65_535, 5125)])
def test_indices_are_as_short_as_they_may_be(count: int, kind: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    faces = np.array([[0, 1, count - 1]], np.int32)
    gltf = written(Mesh(rng.normal(size=(count, 3)).astype(np.float32), faces), tmp_path / "many.glb")
    assert gltf.accessors[gltf.meshes[0].primitives[0].indices].componentType == kind
    np.testing.assert_array_equal(glb.read(tmp_path / "many.glb").faces, faces)


def spoilt(path: Path, change: Any) -> Path:
    """The file with its description changed."""
    data = path.read_bytes()
    size = struct.unpack("<I", data[12:16])[0]
    gltf = json.loads(data[20 : 20 + size])
    change(gltf)
    text = json.dumps(gltf).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + size :]
    header = struct.pack("<4sIII4s", b"glTF", 2, 20 + len(text) + len(rest), len(text), b"JSON")
    (path.parent / "spoilt.glb").write_bytes(header + text + rest)
    return path.parent / "spoilt.glb"


HOSTILE = {
    "a huge count": lambda g: g["accessors"][0].update(count=10**12),
    "a huge view": lambda g: g["bufferViews"][0].update(byteLength=10**12),
    "rows that do not move on": lambda g: (
        g["bufferViews"][0].update(byteStride=0),
        g["accessors"][0].update(count=10**9),
    ),
    "a negative offset": lambda g: g["bufferViews"][1].update(byteOffset=-4),
    "an endless number": lambda g: g["accessors"][0].update(count=float("inf")),
    "words for numbers": lambda g: g["accessors"][0].update(count="many"),
    "no meshes": lambda g: g.pop("meshes"),
    "two meshes": lambda g: g["meshes"].append(g["meshes"][0]),
    "a turned node": lambda g: g["nodes"][0].update(rotation=[1, 0, 0, 0]),
    "lines": lambda g: g["meshes"][0]["primitives"][0].update(mode=1),
    "a list for an object": lambda g: g.update(meshes=[[]]),
    "what needs Draco": lambda g: g.update(extensionsRequired=["KHR_draco_mesh_compression"]),
    "an image elsewhere": lambda g: g["images"].__setitem__(0, {"uri": "../secret.png"}),
    "an image that is none": lambda g: g["images"][0].update(bufferView=0),
    "positions as indices": lambda g: g["meshes"][0]["primitives"][0].update(indices=0),
    "indices of too few": lambda g: g["accessors"][0].update(count=3),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_contradicts_itself_is_refused(change: Any, tmp_path: Path) -> None:
    path = tmp_path / "box.glb"
    glb.write(textured_box(), path, provenance={})
    with pytest.raises(BadModelFileError):
        glb.read(spoilt(path, change))


def test_brackets_without_end_are_refused(tmp_path: Path) -> None:
    text = b"[" * 200_000
    path = tmp_path / "deep.glb"
    path.write_bytes(struct.pack("<4sIII4s", b"glTF", 2, 20 + len(text), len(text), b"JSON") + text)
    with pytest.raises(BadModelFileError):
        glb.read(path)

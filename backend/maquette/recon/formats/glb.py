"""A textured mesh as binary glTF 2.0 (Khronos specification 2.0.1), in one file.

Photos carry the light they were taken in, so the material is ``KHR_materials_unlit`` and shows them as they are; what
does not know the extension sees a matt surface. Without colours there is nothing to show unlit, and the mesh is a matt
grey one. Both sides are drawn, for surfaces from photos are seldom closed. A normal map is kept for whoever lights the
model; no tangents are, since it is made in the frames that glTF has readers compute where a file gives none
(MikkTSpace, :mod:`maquette.recon.texture.tangents`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Shaped, UInt8
from numpy import ndarray

from maquette.recon.formats.checking import check_mesh, check_mesh_read, not_a_model
from maquette.recon.formats.format import Format
from maquette.recon.formats.glb_container import (
    ARRAY_BUFFER,
    ELEMENT_ARRAY_BUFFER,
    FLOAT,
    UINT16,
    UINT32,
    Body,
    array_of,
    read_glb,
    view_of,
    write_glb,
)
from maquette.recon.formats.srgb import linear_from_srgb, srgb_from_linear
from maquette.recon.formats.textures import TextureFormat, decode, encode_color, encode_normals
from maquette.recon.mesh import Mesh, Texture

_UNLIT, _WEBP = "KHR_materials_unlit", "EXT_texture_webp"
_TRIANGLES, _LINEAR, _LINEAR_MIPMAPS, _CLAMP = 4, 9729, 9987, 33071
_GREY = 0.6
_BAD = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError)


def write(mesh: Mesh, path: Path, *, provenance: Mapping[str, str], texture_format: TextureFormat = "png") -> None:
    """Store the mesh, ``provenance`` in ``asset.extras``. Vertex colours are written where there is no texture.

    WebP needs ``EXT_texture_webp``, which the file then requires.
    """
    check_mesh(mesh)
    body = Body()
    low, high = (corner.tolist() for corner in mesh.bounds)
    attributes = {"POSITION": body.add_array(mesh.vertices, FLOAT, ARRAY_BUFFER, min=low, max=high)}
    if mesh.normals is not None:
        attributes["NORMAL"] = body.add_array(mesh.normals, FLOAT, ARRAY_BUFFER)
    if mesh.uvs is not None:
        attributes["TEXCOORD_0"] = body.add_array(_flipped(mesh.uvs), FLOAT, ARRAY_BUFFER)
    if mesh.texture is None and mesh.colors is not None:
        attributes["COLOR_0"] = body.add_array(_sixteen_bit(mesh.colors), UINT16, ARRAY_BUFFER, normalized=True)
    corners = UINT16 if len(mesh.vertices) < 0xFFFF else UINT32  # 0xFFFF itself restarts primitives
    indices = body.add_array(mesh.faces.ravel(), corners, ELEMENT_ARRAY_BUFFER)
    unlit = mesh.texture is not None or mesh.colors is not None
    gltf: dict[str, Any] = {
        "asset": {
            "version": "2.0",
            "generator": provenance.get("generator", "Maquette"),
            "extras": dict(provenance),
        },
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "model"}],
        "meshes": [
            {
                "primitives": [
                    {"attributes": attributes, "indices": indices, "material": 0, "mode": _TRIANGLES},
                ]
            }
        ],
        "materials": [_material(unlit)],
    }
    if mesh.texture is not None:
        _add_texture(gltf, body, mesh.texture, texture_format)
    used = [*([_UNLIT] if unlit else []), *([_WEBP] if mesh.texture is not None and texture_format == "webp" else [])]
    if used:
        gltf["extensionsUsed"] = used
    if _WEBP in used:
        gltf["extensionsRequired"] = [_WEBP]
    write_glb(gltf, body, path)


def _material(unlit: bool) -> dict[str, Any]:
    shade = 1.0 if unlit else _GREY
    material: dict[str, Any] = {
        "name": "model",
        "pbrMetallicRoughness": {
            "baseColorFactor": [shade, shade, shade, 1.0],
            "metallicFactor": 0.0,
            "roughnessFactor": 1.0,
        },
        "doubleSided": True,
    }
    return {**material, "extensions": {_UNLIT: {}}} if unlit else material


def _add_texture(gltf: dict[str, Any], body: Body, texture: Texture, texture_format: TextureFormat) -> None:
    files = {"texture_color": encode_color(texture.color, texture_format)}
    if texture.normal_map is not None:
        files["texture_normal"] = encode_normals(texture.normal_map, texture_format)
    gltf["samplers"] = [
        {"magFilter": _LINEAR, "minFilter": _LINEAR_MIPMAPS, "wrapS": _CLAMP, "wrapT": _CLAMP},
    ]
    gltf["images"] = [
        {"name": name, "mimeType": f"image/{texture_format}", "bufferView": body.add(data)}
        for name, data in files.items()
    ]
    gltf["textures"] = [
        {"sampler": 0, "extensions": {_WEBP: {"source": i}}}
        if texture_format == "webp"
        else {"sampler": 0, "source": i}
        for i in range(len(files))
    ]
    material = gltf["materials"][0]
    material["pbrMetallicRoughness"]["baseColorTexture"] = {"index": 0}
    if texture.normal_map is not None:
        material["normalTexture"] = {"index": 1}


def read(path: Path) -> Mesh:
    """Read a GLB of one mesh with one material, as this format writes it, whoever wrote it.

    Raises :class:`~maquette.recon.formats.errors.BadModelFileError`. Every size is compared with the file's before
    memory is asked for.
    """
    gltf, body = read_glb(path)
    try:
        mesh = _mesh_of(gltf, body, path.name)
    except _BAD as error:
        raise not_a_model(path.name, f"its structure is damaged or not understood ({error})"[:200]) from error
    return check_mesh_read(mesh, path.name)


def _mesh_of(gltf: dict[str, Any], body: memoryview, name: str) -> Mesh:
    if not set(gltf.get("extensionsRequired", [])) <= {_UNLIT, _WEBP}:
        raise ValueError("it needs extensions that are not read here")
    primitives = [primitive for mesh in gltf["meshes"] for primitive in mesh["primitives"]]
    if len(primitives) != 1 or len(gltf["nodes"]) != 1 or set(gltf["nodes"][0]) & _MOVES:
        raise ValueError("only one mesh at its own place is read")
    primitive = primitives[0]
    if primitive.get("mode", _TRIANGLES) != _TRIANGLES:
        raise ValueError("it is not made of triangles")

    def attribute(key: str, width: int) -> Float32[ndarray, "v c"] | None:
        if key not in primitive["attributes"]:
            return None
        array = array_of(gltf, body, primitive["attributes"][key])
        if array.dtype != np.float32 or array.shape[1] != width:
            raise ValueError(f"{key} is not {width} floats a vertex")
        return array.copy()

    vertices = attribute("POSITION", 3)
    if vertices is None:
        raise ValueError("it has no positions")
    normals, uvs = attribute("NORMAL", 3), attribute("TEXCOORD_0", 2)
    colors = None
    if "COLOR_0" in primitive["attributes"]:
        colors = _eight_bit(array_of(gltf, body, primitive["attributes"]["COLOR_0"]))
    if any(array is not None and len(array) != len(vertices) for array in (normals, uvs, colors)):
        raise ValueError("its attributes differ in length")
    if "indices" in primitive:
        corners = array_of(gltf, body, primitive["indices"])
        if corners.dtype.kind != "u" or corners.shape[1] != 1:
            raise ValueError("its indices are no whole numbers")
        if corners.max() >= len(vertices):
            raise ValueError("a face names a vertex that is not there")
    else:
        corners = np.arange(len(vertices))
    texture = None
    if uvs is not None and "material" in primitive:
        texture = _texture_of(gltf, body, gltf["materials"][primitive["material"]], name)
    return Mesh(
        vertices,
        corners.reshape(-1, 3).astype(np.int32),
        normals,
        colors,
        None if uvs is None else _flipped(uvs),
        texture,
    )


_MOVES = {"matrix", "translation", "rotation", "scale", "children"}


def _texture_of(gltf: dict[str, Any], body: memoryview, material: dict[str, Any], name: str) -> Texture | None:
    def image_of(told: dict[str, Any]) -> UInt8[ndarray, "h w 3"]:
        texture = gltf["textures"][told["index"]]
        webp = texture.get("extensions", {}).get(_WEBP, {})
        image = gltf["images"][webp.get("source", texture.get("source"))]
        return decode(view_of(gltf, body, image["bufferView"]), name)

    color = material.get("pbrMetallicRoughness", {}).get("baseColorTexture")
    if color is None:
        return None
    normal = material.get("normalTexture")
    return Texture(image_of(color), None if normal is None else image_of(normal))


def _flipped(uvs: Float32[ndarray, "v 2"]) -> Float32[ndarray, "v 2"]:
    """From an origin at the lower left of the image to one at the upper left, where glTF has it, or back."""
    return np.stack([uvs[:, 0], np.float32(1) - uvs[:, 1]], axis=1)


def _sixteen_bit(colors: UInt8[ndarray, "v 3"]) -> Shaped[ndarray, "v 4"]:
    """Linear light, as glTF wants it; in 8 bits the dark steps of sRGB would fall together. Rows of 8 bytes align."""
    linear = np.full((len(colors), 4), 0xFFFF, np.uint16)
    linear[:, :3] = np.rint(linear_from_srgb(colors) * 0xFFFF)
    return linear


def _eight_bit(linear: Shaped[ndarray, "v c"]) -> UInt8[ndarray, "v 3"]:
    if linear.shape[1] < 3 or linear.dtype.kind not in "uf":
        raise ValueError("its vertex colours are no colours")
    largest = 1 if linear.dtype.kind == "f" else np.iinfo(linear.dtype).max
    shares = linear[:, :3].astype(np.float32) / np.float32(largest)
    if not np.isfinite(shares).all():
        raise ValueError("its vertex colours are not finite")
    return srgb_from_linear(shares)


FORMAT = Format(
    name="glb",
    extension=".glb",
    mime="model/gltf-binary",
    description="Textured mesh for the web, AR on Android, Blender and game engines; shown as photographed.",
    write=write,
    read=read,
    kind="mesh",
    up_axis="y",
    opens_in=("Blender", "three.js", "model-viewer", "Windows 3D Viewer", "Unity", "Unreal", "Godot"),
    optimizations=frozenset({"decimate", "compress_texture"}),
    compressed={
        "jpeg": partial(write, texture_format="jpeg"),
        "webp": partial(write, texture_format="webp"),
    },
)

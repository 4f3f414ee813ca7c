"""Gaussians in GLB: read by others, checked against the specifications, and hostile files."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pygltflib
import pytest
from tests.recon.formats.samples import colors, opacities, random_gaussians

from maquette.recon.formats import gaussians_glb
from maquette.recon.formats.errors import BadModelFileError

NAME = "KHR_gaussian_splatting"
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}
KINDS = {5126: np.dtype("<f4"), 5123: np.dtype("<u2")}


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_pygltflib_reads_what_the_extension_asks_for(degree: int, tmp_path: Path) -> None:
    """Names, types, kinds and bounds as glTF 2.0 and the extension have them, and the numbers themselves."""
    model = random_gaussians(70, degree)
    gaussians_glb.write(model, tmp_path / "model.glb", provenance={"generator": "Maquette 0.1", "psnr": "27.3"})
    gltf = pygltflib.GLTF2().load_binary(str(tmp_path / "model.glb"))
    assert gltf.asset.generator == "Maquette 0.1"
    assert gltf.asset.extras["psnr"] == "27.3"
    assert gltf.extensionsUsed == [NAME]
    assert not gltf.extensionsRequired  # points are shown without it
    (primitive,) = gltf.meshes[0].primitives
    assert primitive.mode == pygltflib.POINTS
    assert primitive.extensions == {
        NAME: {
            "kernel": "ellipse",
            "colorSpace": "srgb_rec709_display",
            "projection": "perspective",
            "sortingMethod": "cameraDistance",
        }
    }
    body = gltf.binary_blob()
    assert gltf.buffers[0].byteLength == len(body)
    values: dict[str, np.ndarray] = {}
    for name, index in vars(primitive.attributes).items():
        if index is None:
            continue
        accessor = gltf.accessors[index]
        view = gltf.bufferViews[accessor.bufferView]
        kind, width = KINDS[accessor.componentType], WIDTHS[accessor.type]
        assert view.byteOffset % 4 == 0
        assert (accessor.count, view.byteLength) == (70, 70 * width * kind.itemsize)
        assert view.target == pygltflib.ARRAY_BUFFER
        values[name] = np.frombuffer(body, kind, 70 * width, view.byteOffset).reshape(70, width)
        if name == "POSITION":
            np.testing.assert_array_equal(np.float32(accessor.min), model.means.min(axis=0))
            np.testing.assert_array_equal(np.float32(accessor.max), model.means.max(axis=0))
    harmonics = [f"{NAME}:SH_DEGREE_{d}_COEF_{n}" for d in range(degree + 1) for n in range(2 * d + 1)]
    needed = {"POSITION", "COLOR_0", *(f"{NAME}:{part}" for part in ("ROTATION", "SCALE", "OPACITY"))}
    assert set(values) == needed | set(harmonics)
    np.testing.assert_array_equal(values["POSITION"], model.means)
    np.testing.assert_allclose(values[f"{NAME}:SCALE"], np.exp(model.log_scales), rtol=1e-5)
    np.testing.assert_allclose(values[f"{NAME}:OPACITY"][:, 0], opacities(model), atol=1e-6)
    np.testing.assert_allclose(values[f"{NAME}:ROTATION"], model.quaternions[:, [1, 2, 3, 0]], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(values[f"{NAME}:ROTATION"], axis=1), 1, atol=1e-6)
    for k, name in enumerate(harmonics):
        np.testing.assert_array_equal(values[name], model.sh[:, k])
    linear = values["COLOR_0"][:, :3] / 65_535
    srgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(srgb, colors(model), atol=1e-3)


def changed(path: Path, change: Any) -> None:
    """The file with its JSON changed."""
    data = path.read_bytes()
    size = struct.unpack("<I", data[12:16])[0]
    gltf = json.loads(data[20 : 20 + size])
    change(gltf)
    text = json.dumps(gltf).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + size :]
    path.write_bytes(
        struct.pack("<4sIIII", b"glTF", 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A) + text + rest
    )


def attributes(gltf: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = gltf["meshes"][0]["primitives"][0]["attributes"]
    return found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda g: g["meshes"][0]["primitives"][0].pop("extensions"), "0 sets"),
        (lambda g: g["meshes"].append(g["meshes"][0]), "2 sets"),
        (lambda g: g["nodes"][0].update(translation=[1, 0, 0]), "moved"),
        (lambda g: attributes(g).pop(f"{NAME}:SCALE"), "does not fit"),
        (lambda g: attributes(g).pop(f"{NAME}:SH_DEGREE_1_COEF_2"), "3 coefficients"),
        (lambda g: attributes(g).update({f"{NAME}:OPACITY": 0}), "3 components"),
        (lambda g: attributes(g).update({f"{NAME}:SCALE": 1}), "not float32"),
        (lambda g: g["accessors"][0].update(count=10**12), "does not fit"),
        (lambda g: g["accessors"][0].update(count=2), "one length"),
        (lambda g: g["accessors"][0].update(count=-1), "does not fit"),
        (lambda g: g["bufferViews"][0].update(byteOffset=10**9), "does not fit"),
        (lambda g: g["bufferViews"][0].update(byteLength="x"), "does not fit"),
        (lambda g: g.update(nodes=[]), ""),
    ],
)
def test_hostile_files_are_refused_with_a_reason(change: Any, words: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.glb"
    gaussians_glb.write(random_gaussians(5, 1), path, provenance={})
    changed(path, change)
    if not words:
        assert len(gaussians_glb.read(path)) == 5
        return
    with pytest.raises(BadModelFileError, match=words):
        gaussians_glb.read(path)


@pytest.mark.parametrize(("part", "value", "words"), [("SCALE", 0.0, "no size"), ("OPACITY", 1.5, "opacity")])
def test_impossible_numbers_are_refused(part: str, value: float, words: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.glb"
    gaussians_glb.write(random_gaussians(5, 0), path, provenance={})
    gltf = pygltflib.GLTF2().load_binary(str(path))
    accessor = gltf.accessors[getattr(gltf.meshes[0].primitives[0].attributes, f"{NAME}:{part}")]
    offset = gltf.bufferViews[accessor.bufferView].byteOffset
    data = bytearray(path.read_bytes())
    start = 28 + struct.unpack("<I", data[12:16])[0] + offset
    data[start : start + 4] = struct.pack("<f", value)
    path.write_bytes(data)
    with pytest.raises(BadModelFileError, match=words):
        gaussians_glb.read(path)

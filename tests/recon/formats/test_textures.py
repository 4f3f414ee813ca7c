"""How textures are stored: what each encoding keeps, and images that are refused."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.recon.formats.boxes import textured_box

from maquette.recon.formats import FORMATS, Format
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.formats.textures import decode, encode_color, encode_normals
from maquette.recon.mesh import Mesh, Texture

meshes = pytest.mark.parametrize("format", [f for f in FORMATS if f.compressed], ids=lambda f: f.name)


def smooth(size: int = 128) -> np.ndarray:
    """Colours as a photo has them, with a little grain."""
    y, x = np.mgrid[:size, :size] / size
    picture = np.stack([255 * x, 255 * y, 128 + 100 * np.sin(9 * x * y)], axis=-1)
    return (picture + np.random.default_rng(0).normal(0, 3, picture.shape)).clip(0, 255).astype(np.uint8)


def test_textures_can_be_compressed_where_it_is_said() -> None:
    for format in FORMATS:
        assert bool(format.compressed) == ("compress_texture" in format.optimizations)


@meshes
def test_compressed_files_are_smaller_and_nearly_the_same(format: Format, tmp_path: Path) -> None:
    box = textured_box()
    mesh = Mesh(box.vertices, box.faces, box.normals, uvs=box.uvs, texture=Texture(smooth()))
    format.write(mesh, tmp_path / "whole", provenance={})
    for encoding, write in format.compressed.items():
        write(mesh, tmp_path / encoding, provenance={"project": "p"})
        assert (tmp_path / encoding).stat().st_size < 0.6 * (tmp_path / "whole").stat().st_size
        back = format.read(tmp_path / encoding)
        assert back.texture is not None
        assert np.abs(back.texture.color.astype(int) - smooth()).mean() < 3


@pytest.mark.parametrize(("encoding", "largest"), [("png", 0), ("jpeg", 8), ("webp", 0)])
def test_normal_maps_keep_their_directions(encoding, largest: int) -> None:
    flat = np.full((64, 64, 3), (128, 128, 255), np.uint8)
    flat[16:32, 16:32] = (190, 128, 238)
    back = decode(encode_normals(flat, encoding), "name")
    assert np.abs(back.astype(int) - flat).max() <= largest


def png_of_size(width: int, height: int) -> bytes:
    """A PNG's beginning, which promises so many pixels."""
    told = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(100))
    chunks = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (told, data, b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("size", [(8193, 8), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_are_refused_before_there_is_memory_for_them(size: tuple[int, int]) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(BadModelFileError):
            decode(png_of_size(*size), "name")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_what_is_no_image_is_refused() -> None:
    gif = io.BytesIO()
    Image.new("RGB", (8, 8)).save(gif, "GIF")
    whole = encode_color(smooth(), "jpeg")
    for data in (b"", b"words", gif.getvalue(), whole[: len(whole) // 2]):
        with pytest.raises(BadModelFileError):
            decode(data, "name")

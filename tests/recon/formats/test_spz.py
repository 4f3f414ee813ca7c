"""SPZ: the bytes, as another program would read them, and hostile files."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import gsply
import numpy as np
import pytest
from tests.recon.formats.samples import colors, degrees_between, opacities, random_gaussians

from maquette.recon.formats import spz
from maquette.recon.formats.errors import BadModelFileError, ModelOutOfRangeError
from maquette.recon.formats.morton import morton_order
from maquette.recon.gaussians import Gaussians


def test_bytes_of_one_gaussian(tmp_path: Path) -> None:
    """The layout, spelled out by hand."""
    higher = np.zeros((3, 3))
    higher[0] = (0.5, -0.5, 0.0)
    model = Gaussians(
        means=np.array([[0.5, -0.25, 0]], np.float32),
        log_scales=np.array([[-10, -2, 20]], np.float32),
        quaternions=np.array([[0, 0, -2, 0]], np.float32),
        opacity_logits=np.array([0], np.float32),
        sh=np.concatenate([[[2.0, 0.0, -9.0]], higher])[None].astype(np.float32),
    )
    spz.write(model, tmp_path / "model.spz", provenance={})
    data = gzip.decompress((tmp_path / "model.spz").read_bytes())
    magic, version, count, degree, bits, flags, reserved = struct.unpack("<4sIIBBBB", data[:16])
    assert (magic, version, count, degree, flags, reserved) == (b"NGSP", 3, 1, 1, 0, 0)
    x, y, z = (int.from_bytes(data[16 + 3 * i : 19 + 3 * i], "little", signed=True) for i in range(3))
    assert (x / 2**bits, y / 2**bits, z / 2**bits) == (0.5, -0.25, 0)
    assert data[25] == 128
    assert tuple(data[26:29]) == (204, 128, 0)
    assert tuple(data[29:32]) == (0, 128, 255)
    assert struct.unpack("<I", data[32:36])[0] >> 30 == 1  # y is the largest of xyzw
    assert tuple(data[36:45]) == (192, 64, 128, *[128] * 6)
    assert len(data) == 45


@pytest.mark.parametrize("degree", [0, 3])
def test_gsply_reads_the_same_model(degree: int, tmp_path: Path) -> None:
    model = random_gaussians(500, degree)
    spz.write(model, tmp_path / "model.spz", provenance={})
    read = gsply.read_spz(tmp_path / "model.spz")
    assert read.means is not None
    model = model.subset(morton_order(model.means))
    higher = read.shN.reshape(500, -1, 3) if degree else np.zeros((500, 0, 3), np.float32)
    there = Gaussians(
        means=read.means,
        log_scales=read.scales,
        quaternions=read.quats,
        opacity_logits=read.opacities,
        sh=np.concatenate([read.sh0[:, None], higher], axis=1),
    )
    assert np.abs(there.means - model.means).max() < 1e-4
    assert np.abs(there.log_scales - model.log_scales).max() <= 1 / 32 + 1e-6
    assert degrees_between(there, model).max() < 0.25
    assert np.abs(opacities(there) - opacities(model)).max() < 0.00201
    assert np.abs(colors(there) - colors(model)).max() < 0.004
    assert np.abs(there.sh[:, 1:4] - model.sh[:, 1:4]).max(initial=0) <= 1 / 32 + 1e-6
    assert np.abs(there.sh[:, 4:] - model.sh[:, 4:]).max(initial=0) <= 0.0703


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3, 5e5])
def test_positions_are_fine_for_models_of_every_size(size: float, tmp_path: Path) -> None:
    model = random_gaussians(300, 0)
    model.means[:] *= np.float32(size)
    spz.write(model, tmp_path / "model.spz", provenance={})
    back = spz.read(tmp_path / "model.spz")
    error = np.abs(np.sort(back.means[:, 0]) - np.sort(model.means[:, 0])).max()
    assert error < 1e-4 * size


def test_positions_past_the_format_are_refused(tmp_path: Path) -> None:
    model = random_gaussians(3)
    model.means[1, 2] = 9e6
    with pytest.raises(ModelOutOfRangeError) as caught:
        spz.write(model, tmp_path / "model.spz", provenance={})
    assert (caught.value.code, caught.value.status) == ("model_out_of_range", 422)
    assert not list(tmp_path.iterdir())


def header(magic: bytes = b"NGSP", version: int = 3, count: int = 1, degree: int = 0, bits: int = 12) -> bytes:
    return struct.pack("<4sIIBBBB", magic, version, count, degree, bits, 0, 0)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (header(magic=b"NGSQ") + bytes(20), "no SPZ"),
        (header(version=2) + bytes(20), "no SPZ of version 3"),
        (header(count=0), "no Gaussians"),
        (header(degree=4) + bytes(200), "degree 4"),
        (header(bits=30) + bytes(20), "30 bits"),
        (header() + bytes(19), "ends early"),
        (header() + bytes(21), "more bytes follow"),
        (header(count=2**32 - 1, degree=3) + bytes(20), "which no model does"),
        (header()[:15], "ends early"),
    ],
)
def test_hostile_files_are_refused_with_a_reason(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.spz"
    path.write_bytes(gzip.compress(data))
    with pytest.raises(BadModelFileError, match=words):
        spz.read(path)

"""Gzipped PLY: read by others, the same bytes each time, and hostile files."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import plyfile
import pytest
from tests.recon.formats.samples import random_gaussians

from maquette.recon.formats import ply, ply_gz
from maquette.recon.formats.errors import BadModelFileError


def test_gzip_holds_the_very_ply(tmp_path: Path) -> None:
    model = random_gaussians(40)
    ply.write(model, tmp_path / "model.ply", provenance={"version": "3"})
    ply_gz.write(model, tmp_path / "model.ply.gz", provenance={"version": "3"})
    unpacked = gzip.decompress((tmp_path / "model.ply.gz").read_bytes())
    assert unpacked == (tmp_path / "model.ply").read_bytes()
    data = plyfile.PlyData.read(io.BytesIO(unpacked))
    assert data.comments == ["version: 3"]
    np.testing.assert_array_equal(data["vertex"]["x"], model.means[:, 0])


def test_no_time_and_no_name_are_in_the_file(tmp_path: Path) -> None:
    ply_gz.write(random_gaussians(2), tmp_path / "secret.ply.gz", provenance={})
    start = (tmp_path / "secret.ply.gz").read_bytes()[:10]
    assert start[3] == 0  # no flags: no name, no comment
    assert start[4:8] == bytes(4)


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path) -> None:
    """A small file that says, truly, that it holds gigabytes."""
    ply.write(random_gaussians(1, 0), tmp_path / "model.ply", provenance={})
    header = (tmp_path / "model.ply").read_bytes().split(b"end_header\n")[0]
    header = header.replace(b"element vertex 1\n", b"element vertex 90000000\n")
    path = tmp_path / "bomb.ply.gz"
    path.write_bytes(gzip.compress(header + b"end_header\n" + bytes(1 << 20)))
    with pytest.raises(BadModelFileError, match="which no model does"):
        ply_gz.read(path)

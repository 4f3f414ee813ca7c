"""Binary STL, read back by trimesh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from tests.recon.formats.boxes import HIGH, LOW, VOLUME, textured_box

from maquette.recon.formats import stl
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.mesh import Mesh


def test_trimesh_sees_the_box(tmp_path: Path) -> None:
    stl.write(textured_box(), tmp_path / "box.stl", provenance={})
    seen = trimesh.load_mesh(tmp_path / "box.stl")
    np.testing.assert_allclose(seen.bounds, [LOW, HIGH], atol=1e-6)
    assert seen.is_watertight
    assert seen.volume == pytest.approx(VOLUME, rel=1e-5)  # negative were it inside out
    assert len(seen.vertices) == 8
    back = stl.read(tmp_path / "box.stl")
    assert len(back.vertices) == 8
    assert len(back.faces) == 12


def test_normals_follow_the_right_hand_and_are_zero_without_area(tmp_path: Path) -> None:
    box = textured_box()
    faces = np.concatenate([box.faces, [[0, 0, 1]]]).astype(np.int32)
    stl.write(Mesh(box.vertices, faces), tmp_path / "box.stl", provenance={})
    data = (tmp_path / "box.stl").read_bytes()
    rows = np.frombuffer(data[84:], np.dtype([("f", "<f4", 12), ("a", "<u2")]))
    assert box.normals is not None
    np.testing.assert_allclose(rows["f"][:12, :3], box.normals[box.faces[:, 0]], atol=1e-6)
    assert not rows["f"][12, :3].any()
    assert not rows["a"].any()


def test_the_header_keeps_what_fits_and_is_never_taken_for_text(tmp_path: Path) -> None:
    provenance = {"project": "solid häuschen" * 20, "generator": "Maquette 0.1", "parameters": "0123456789abcdef" * 4}
    stl.write(textured_box(), tmp_path / "box.stl", provenance=provenance)
    header = (tmp_path / "box.stl").read_bytes()[:80]
    assert header.startswith(b"STL z up; Maquette 0.1; 0123456789abcdef; solid h\\xe4uschen")
    assert len((tmp_path / "box.stl").read_bytes()) == 84 + 12 * 50


@pytest.mark.parametrize("count", [0, 11, 13, 2**32 - 1])
def test_a_count_that_does_not_fit_is_refused(count: int, tmp_path: Path) -> None:
    stl.write(textured_box(), tmp_path / "box.stl", provenance={})
    data = bytearray((tmp_path / "box.stl").read_bytes())
    data[80:84] = count.to_bytes(4, "little")
    (tmp_path / "box.stl").write_bytes(data)
    with pytest.raises(BadModelFileError):
        stl.read(tmp_path / "box.stl")


def test_an_stl_of_words_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.stl").write_text("solid x\nfacet normal 0 0 1\nouter loop\n" + "vertex 0 0 0\n" * 30)
    with pytest.raises(BadModelFileError, match="binary"):
        stl.read(tmp_path / "words.stl")

"""SOG: the parts, as the specification has them, and hostile files."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.recon.formats.samples import random_gaussians

from maquette.recon.formats import sog
from maquette.recon.formats.codebooks import codebook, nearest_in, palette
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.formats.morton import morton_order


def parts_of(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    with zipfile.ZipFile(path) as archive:
        meta = json.loads(archive.read("meta.json"))
        names = [name for name in archive.namelist() if name.endswith(".webp")]
        return meta, {name: np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in names}


def test_parts_are_what_the_specification_says(tmp_path: Path) -> None:
    """Decoded by its formulas, without our reader."""
    model = random_gaussians(500, 1)
    sog.write(model, tmp_path / "model.sog", provenance={"generator": "any", "version": "3"})
    meta, images = parts_of(tmp_path / "model.sog")
    assert (meta["version"], meta["count"]) == (2, 500)
    assert meta["asset"] == {"generator": "any", "version": "3"}
    model = model.subset(morton_order(model.means))
    flat = {name: image.reshape(-1, image.shape[2])[:500].astype(float) for name, image in images.items()}
    q = (flat["means_u.webp"] * 256 + flat["means_l.webp"]) / 65535
    n = np.array(meta["means"]["mins"]) * (1 - q) + np.array(meta["means"]["maxs"]) * q
    np.testing.assert_allclose(np.sign(n) * (np.exp(np.abs(n)) - 1), model.means, atol=1e-3)
    scales = np.array(meta["scales"]["codebook"])[images["scales.webp"].reshape(-1, 3)[:500]]
    np.testing.assert_allclose(scales, model.log_scales, atol=0.03)
    sh0 = images["sh0.webp"].reshape(-1, 4)[:500]
    np.testing.assert_allclose(np.array(meta["sh0"]["codebook"])[sh0[:, :3]], model.sh[:, 0], atol=0.015)
    np.testing.assert_allclose(sh0[:, 3] / 255, 1 / (1 + np.exp(-model.opacity_logits)), atol=0.5 / 255 + 1e-6)
    assert set(np.unique(flat["quats.webp"][:, 3])) == {252, 253, 254, 255}
    labels = flat["shN_labels.webp"][:, 0] + 256 * flat["shN_labels.webp"][:, 1]
    assert labels.max() < meta["shN"]["count"]
    assert (meta["shN"]["bands"], images["shN_centroids.webp"].shape[1]) == (1, 64 * 3)


def test_a_codebook_keeps_the_ends_and_the_crowd() -> None:
    rng = np.random.default_rng(0)
    values = np.append(rng.normal(0, 1, 20_000), (-50, 80)).astype(np.float32)
    book = codebook(values)
    assert (book.dtype, len(book)) == (np.float32, 256)
    assert (book[0], book[-1]) == (-50, 80)
    error = np.abs(book[nearest_in(book, values)] - values)
    assert error.max() < 1
    assert np.sqrt(np.mean(error**2)) < 0.025


def test_a_codebook_of_one_value() -> None:
    book = codebook(np.full(3, 2.5, np.float32))
    np.testing.assert_array_equal(book[nearest_in(book, np.full(2, 2.5, np.float32))], [2.5, 2.5])


def test_a_palette_finds_clusters_and_is_the_same_each_time() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 5, (40, 9))
    rows = (centres[rng.integers(0, 40, 5000)] + rng.normal(0, 0.01, (5000, 9))).astype(np.float32)
    found = palette(rows, 400)
    assert len(found.vectors) <= 400
    error = np.linalg.norm(found.vectors[found.nearest(rows)] - rows, axis=1)
    assert np.sqrt(np.mean(error**2)) < 0.2
    np.testing.assert_array_equal(palette(rows, 400).vectors, found.vectors)


def repacked(path: Path, change: dict[str, bytes | None], meta: dict[str, Any] | None = None) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    said = json.loads(members["meta.json"])
    for key, value in (meta or {}).items():
        *where, last = key.split(".")
        inner = said
        for step in where:
            inner = inner[step]
        inner[last] = value
    members["meta.json"] = json.dumps(said).encode()
    members.update({name: data for name, data in change.items() if data is not None})
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            if change.get(name, b"") is not None:
                archive.writestr(name, data)


def webp(width: int, height: int) -> bytes:
    data = io.BytesIO()
    Image.new("RGBA", (width, height)).save(data, "WEBP", lossless=True)
    return data.getvalue()


@pytest.mark.parametrize(
    ("change", "meta", "words"),
    [
        ({"quats.webp": None}, {}, "meta.json does not say"),
        ({}, {"version": 1}, "version 1"),
        ({}, {"count": 0}, "no Gaussians"),
        ({}, {"count": 2.5}, "whole numbers"),
        ({}, {"count": 10**9}, "which no model does"),
        ({}, {"count": 500}, "pixels for"),
        ({}, {"scales.codebook": [1.0] * 255}, "256 numbers"),
        ({}, {"scales.codebook": [float("nan")] * 256}, "256 numbers"),
        ({}, {"means.mins": [1e9, 0, 0]}, "bounds"),
        ({}, {"means.files": ["../../etc/passwd", "means_u.webp"]}, "meta.json does not say"),
        ({}, {"shN.bands": 7}, "meta.json does not say"),
        ({}, {"shN.count": 1}, "shorter"),
        ({"scales.webp": webp(2000, 2000)}, {}, "pixels for"),
        ({"scales.webp": b"RIFF    WEBP"}, {}, "no WebP"),
        ({"quats.webp": webp(4, 4)}, {}, "rotation"),
    ],
)
def test_hostile_files_are_refused_with_a_reason(
    change: dict[str, bytes | None], meta: dict[str, Any], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "hostile.sog"
    sog.write(random_gaussians(12, 1), path, provenance={})
    repacked(path, change, meta)
    with pytest.raises(BadModelFileError, match=words):
        sog.FORMAT.read(path)

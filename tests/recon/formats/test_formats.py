"""What every format owes: the contract, run over the list."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from maquette.recon.formats import FORMATS, Format, format_named
from maquette.recon.formats.errors import BadModelFileError, DivergedModelError, EmptyModelError, UnknownFormatError

every_format = pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
PROVENANCE = {"project": "Häuschen\nend_header", "version": "3"}


def test_names_and_extensions_are_unique_and_plain() -> None:
    assert [f.name for f in FORMATS] == ["ply", "splat"]
    assert len({f.extension for f in FORMATS}) == len(FORMATS)
    for f in FORMATS:
        assert re.fullmatch(r"[a-z0-9]+", f.name)
        assert re.fullmatch(r"\.[a-z0-9.]+", f.extension)
        assert "/" in f.mime
        assert f.description.endswith(".")
        assert format_named(f.name) is f


def test_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(UnknownFormatError) as caught:
        format_named("usdz2")
    error = caught.value.as_dict()
    assert (caught.value.status, error["code"]) == (422, "unknown_format")
    assert all(f.name in error["suggestion"] for f in FORMATS)
    assert error["details"]["known"] == [f.name for f in FORMATS]


@every_format
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("count", [1, 7])
def test_round_trip_keeps_shape_and_place(
    format: Format, degree: int, count: int, random_model, tmp_path: Path
) -> None:
    model = random_model(count, degree)
    path = tmp_path / f"new folder/model{format.extension}"
    format.write(model, path, provenance=PROVENANCE)
    back = format.read(path)
    assert len(back) == count
    order = np.argsort(model.means[:, 0])
    back_order = np.argsort(back.means[:, 0])
    np.testing.assert_array_equal(back.means[back_order], model.means[order])
    np.testing.assert_allclose(back.log_scales[back_order], model.log_scales[order], atol=1e-5)
    for array in (back.means, back.log_scales, back.quaternions, back.opacity_logits, back.sh):
        assert array.dtype == np.float32
        assert array.flags.writeable
        assert array.flags.owndata


@every_format
def test_more_than_one_chunk(format: Format, random_model, tmp_path: Path) -> None:
    model = random_model(65_536 + 3, 0)
    path = tmp_path / "model"
    format.write(model, path, provenance={})
    back = format.read(path)
    np.testing.assert_array_equal(np.sort(back.means[:, 1]), np.sort(model.means[:, 1]))


@every_format
def test_an_empty_model_is_refused_and_writes_nothing(format: Format, random_model, tmp_path: Path) -> None:
    with pytest.raises(EmptyModelError) as caught:
        format.write(random_model(0), tmp_path / "model", provenance={})
    assert caught.value.code == "empty_model"
    assert list(tmp_path.iterdir()) == []


@every_format
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_diverged_model_is_refused_and_leaves_the_old_file(
    format: Format, value: float, random_model, tmp_path: Path
) -> None:
    path = tmp_path / "model"
    format.write(random_model(3), path, provenance={})
    before = path.read_bytes()
    model = random_model(5)
    model.sh[2, 0, 1] = value
    with pytest.raises(DivergedModelError):
        format.write(model, path, provenance={})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@every_format
def test_huge_but_finite_numbers_are_kept(format: Format, random_model, tmp_path: Path) -> None:
    """Their sum overflows; they are finite all the same."""
    model = random_model(4)
    model.means[:] = np.float32(3e38)
    format.write(model, tmp_path / "model", provenance={})
    np.testing.assert_array_equal(format.read(tmp_path / "model").means, model.means)


@every_format
def test_every_cut_of_a_file_is_refused(format: Format, random_model, tmp_path: Path) -> None:
    """A file cut anywhere is an error with its code, or, where the format has no header, a shorter model."""
    model, path, cut = random_model(3, 0), tmp_path / "model", tmp_path / "cut"
    format.write(model, path, provenance=PROVENANCE)
    data = path.read_bytes()
    for length in range(len(data)):
        cut.write_bytes(data[:length])
        if format.name == "splat" and length and length % 32 == 0:
            assert len(format.read(cut)) == length // 32
            continue
        with pytest.raises(BadModelFileError) as caught:
            format.read(cut)
        assert caught.value.code == "bad_model_file"
        assert "cut" in caught.value.message


@every_format
def test_random_bytes_never_raise_anything_else(format: Format, random_model, tmp_path: Path) -> None:
    path = tmp_path / "model"
    format.write(random_model(20, 1), path, provenance={})
    good = np.frombuffer(path.read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        data = good.copy()
        places = rng.integers(0, len(data), 3)
        data[places] = rng.integers(0, 256, 3)
        path.write_bytes(data.tobytes())
        try:
            format.read(path)
        except BadModelFileError:
            refused += 1
    assert refused > 0


@every_format
def test_what_is_no_file_is_refused(format: Format, tmp_path: Path) -> None:
    with pytest.raises(BadModelFileError, match="cannot be opened"):
        format.read(tmp_path / "missing")
    with pytest.raises(BadModelFileError):
        format.read(tmp_path)

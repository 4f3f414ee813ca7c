"""What every format owes: the contract, run over the list."""

from __future__ import annotations

import re
import resource
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.recon.formats.samples import (
    LOOSEST,
    PRECISIONS,
    SAMPLES,
    check_gaussians,
    random_gaussians,
    sample_of,
    words_in,
)

from maquette.errors import MaquetteError
from maquette.recon.formats import FORMATS, Format, format_named
from maquette.recon.formats.errors import BadModelFileError, UnknownFormatError

every_format = pytest.mark.parametrize("format", FORMATS, ids=lambda f: f.name)
PROVENANCE = {
    "generator": "Maquette 0.0-test",
    "project": 'Häuschen\nend_header <b>"x"</b> */ --> </script>',
    "version": "3",
    "parameters": "5f1d7a90c2",
    "psnr": "27.31",
    "up_axis": "y",
}
SPLAT_ROW = 32


def write(format: Format, content: object, path: Path) -> bytes:
    format.write(content, path, provenance=PROVENANCE)
    return path.read_bytes()


def test_names_and_extensions_are_unique_and_plain() -> None:
    assert len({f.name for f in FORMATS}) == len(FORMATS)
    assert len({f.extension for f in FORMATS}) == len(FORMATS)
    for f in FORMATS:
        assert re.fullmatch(r"[a-z0-9]+(\.[a-z0-9]+)*", f.name)
        assert re.fullmatch(r"\.[a-z0-9.]+", f.extension)
        assert "/" in f.mime
        assert f.description.endswith(".")
        assert f.opens_in
        assert format_named(f.name) is f


def test_every_kind_has_samples() -> None:
    assert {f.kind for f in FORMATS} <= set(SAMPLES)
    assert set(PRECISIONS) <= {f.name for f in FORMATS}


def test_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(UnknownFormatError) as caught:
        format_named("usdz2")
    error = caught.value.as_dict()
    assert (caught.value.status, error["code"]) == (422, "unknown_format")
    assert all(f.name in error["suggestion"] for f in FORMATS)
    assert error["details"]["known"] == [f.name for f in FORMATS]


@every_format
@pytest.mark.parametrize("count", [1, 7, 300])
def test_what_is_read_is_what_was_written(format: Format, count: int, tmp_path: Path) -> None:
    sample = sample_of(format)
    content = sample.make(count, tmp_path / "photos")
    path = tmp_path / f"new folder/model{format.extension}"
    write(format, content, path)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    sample.check_same(format, content, format.read(path))


@every_format
@pytest.mark.parametrize("degree", [0, 1, 2])
def test_lower_harmonics_are_kept(format: Format, degree: int, tmp_path: Path) -> None:
    if format.kind != "gaussians":
        pytest.skip(f"{format.name} holds no harmonics")
    model = random_gaussians(40, degree)
    write(format, model, tmp_path / "model")
    check_gaussians(format, model, format.read(tmp_path / "model"))


@every_format
def test_more_than_one_chunk(format: Format, tmp_path: Path) -> None:
    if format.kind != "gaussians":
        pytest.skip(f"{format.name} is written in one piece or holds few parts")
    model = random_gaussians(65_536 + 3, 0)
    write(format, model, tmp_path / "model")
    back = format.read(tmp_path / "model")
    precision = PRECISIONS.get(format.name, LOOSEST).mean * float(np.ptp(model.means, axis=0).max())
    for axis in range(3):
        there, here = np.sort(back.means[:, axis]), np.sort(model.means[:, axis])
        np.testing.assert_allclose(there, here, rtol=0, atol=precision)


@every_format
def test_the_same_content_gives_the_same_bytes(format: Format, tmp_path: Path) -> None:
    content = sample_of(format).make(50, tmp_path / "photos")
    assert write(format, content, tmp_path / "model") == write(format, content, tmp_path / "again")


@every_format
def test_provenance_is_in_the_file(format: Format, tmp_path: Path) -> None:
    path = tmp_path / f"model{format.extension}"
    write(format, sample_of(format).make(9, tmp_path / "photos"), path)
    words = words_in(path)
    for key in ("generator", "parameters"):
        assert (PROVENANCE[key] in words) == format.keeps_provenance


@every_format
def test_nothing_is_refused_and_writes_nothing(format: Format, tmp_path: Path) -> None:
    content = sample_of(format).make(0, tmp_path / "photos")
    with pytest.raises(MaquetteError) as caught:
        format.write(content, tmp_path / "out/model", provenance={})
    assert caught.value.code == "empty_model"
    assert not list(tmp_path.glob("out/*"))


@every_format
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_diverged_content_is_refused_and_leaves_the_old_file(format: Format, value: float, tmp_path: Path) -> None:
    sample = sample_of(format)
    path = tmp_path / "out/model"
    before = write(format, sample.make(3, tmp_path / "photos"), path)
    with pytest.raises(MaquetteError) as caught:
        format.write(sample.spoil(sample.make(5, tmp_path / "photos"), value), path, provenance={})
    assert caught.value.code == "diverged_model"
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process may grow past ``size`` bytes, as on a full disk: the kernel refuses the write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@every_format
def test_a_full_disk_leaves_the_old_file_and_no_half_one(format: Format, tmp_path: Path) -> None:
    sample = sample_of(format)
    path = tmp_path / "out/model"
    before = write(format, sample.make(3, tmp_path / "photos"), path)
    content = sample.make(400, tmp_path / "photos")
    size = len(write(format, content, tmp_path / "whole"))
    with room_for(size // 2), pytest.raises(OSError):
        format.write(content, path, provenance=PROVENANCE)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@every_format
def test_huge_but_finite_numbers_are_kept_or_refused(format: Format, tmp_path: Path) -> None:
    """Their sum overflows; they are finite all the same."""
    if format.kind != "gaussians":
        pytest.skip(f"{format.name} holds no Gaussians")
    model = random_gaussians(4)
    model.means[:] = np.float32(3e38)
    try:
        format.write(model, tmp_path / "model", provenance={})
    except MaquetteError as error:
        assert error.code == "model_out_of_range"
        assert not list(tmp_path.iterdir())
    else:
        np.testing.assert_array_equal(format.read(tmp_path / "model").means, model.means)


@every_format
def test_every_cut_of_a_file_is_refused(format: Format, tmp_path: Path) -> None:
    """A file cut anywhere is an error with its code, or, where the format has no header, a shorter model."""
    cut = tmp_path / "cut"
    data = write(format, sample_of(format).make(3, tmp_path / "photos"), tmp_path / "model")
    lengths = range(len(data))
    if len(data) > 1000:  # the ends, where the parts of a file begin and end, and places between
        ends = {*range(100), *range(len(data) - 150, len(data))}
        lengths = sorted({*ends, *np.linspace(100, len(data) - 150, 100, dtype=int)})
    for length in lengths:
        cut.write_bytes(data[:length])
        if format.name == "splat" and length and length % SPLAT_ROW == 0:
            assert len(format.read(cut)) == length // SPLAT_ROW
            continue
        with pytest.raises(BadModelFileError) as caught:
            format.read(cut)
        assert caught.value.code == "bad_model_file"
        assert "cut" in caught.value.message


@every_format
def test_random_bytes_never_raise_anything_else(format: Format, tmp_path: Path) -> None:
    path = tmp_path / "model"
    good = np.frombuffer(write(format, sample_of(format).make(20, tmp_path / "photos"), path), np.uint8)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
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


@every_format
@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 5000, b"PK\x03\x04" + b"\0" * 500, b"\x1f\x8b\x08" + b"\0" * 500, b"{}", b"<html></html>", b"glTF"],
    ids=["nothing", "zeros", "zip", "gzip", "json", "html", "glb"],
)
def test_what_is_another_file_is_refused_without_asking_for_memory(format: Format, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "hostile"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(BadModelFileError):
            format.read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


def test_files_that_hold_photos_are_not_shared() -> None:
    from maquette.db.shares import NOT_SHARED

    assert {one.name for one in FORMATS if one.holds_photos} <= set(NOT_SHARED)

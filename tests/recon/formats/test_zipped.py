"""ZIP files of formats."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from maquette.recon.archive import ArchiveLimits
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.formats.zipped import copy_in, entry, inside, unpacked, writing_zip

LIMITS = ArchiveLimits(files=4, file_bytes=1000, total_bytes=2000)


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(b"pixels")
    for name in ("a.zip", "b.zip"):
        with writing_zip(tmp_path / name) as archive:
            archive.writestr(entry("words.txt"), "words " * 50)
            copy_in(archive, tmp_path / "photo", "images/photo")
        (tmp_path / "photo").touch()
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with unpacked(tmp_path / "a.zip", LIMITS) as files:
        assert {name: file.read_bytes() for name, file in files.items()} == {
            "words.txt": b"words " * 50,
            "images/photo": b"pixels",
        }
        folder = files["words.txt"].parent
    assert not folder.exists()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.jpg", "a.jpg"),
        ("day 2/a.jpg", "day 2/a.jpg"),
        ("../../a.jpg", "a.jpg"),
        ("/etc/a", "etc/a"),
        ("..\\a.jpg", "a.jpg"),
        ("./b/../c", "b/c"),
    ],
)
def test_names_stay_inside(name: str, safe: str) -> None:
    assert inside(name) == safe


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_rare_compressions_are_refused(method: int, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "rare.zip", "w", method) as archive:
        archive.writestr("a", "a")
    with pytest.raises(BadModelFileError), unpacked(tmp_path / "rare.zip", LIMITS):
        pass


@pytest.mark.parametrize("sizes", [[1001], [900, 900, 900], [1] * 5])
def test_more_than_the_limits_is_refused(sizes: list[int], tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "big.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, size in enumerate(sizes):
            archive.writestr(str(number), bytes(size))
    with pytest.raises(BadModelFileError, match="too large"), unpacked(tmp_path / "big.zip", LIMITS):
        pass

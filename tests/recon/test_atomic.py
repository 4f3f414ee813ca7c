"""A file is replaced whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from maquette.recon.atomic import replacing


def test_the_new_file_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.bin"
    for words in (b"old", b"new"):
        with replacing(path) as file:
            file.write(words)
            assert not path.exists() or path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "b.bin"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="cut"), replacing(path) as file:
        file.write(b"half")
        raise RuntimeError("cut")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]

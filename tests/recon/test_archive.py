"""Archives as users and attackers make them."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from maquette.recon.archive import (
    ArchiveEmptyError,
    ArchiveLimits,
    ArchiveTooLargeError,
    ArchiveUnreadableError,
    is_archive,
    unpack,
)

LIMITS = ArchiveLimits(files=10, file_bytes=1_000_000, total_bytes=2_000_000)


def archive(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as out:
        for name, data in files.items():
            out.writestr(name, data)
    return path


def test_files_come_out_in_the_order_of_their_names_with_their_folders(tmp_path: Path) -> None:
    made = archive(tmp_path / "a.zip", {"set/b.jpg": b"second", "set/a.jpg": b"first", "c.jpg": b"third", "set/": b""})
    assert is_archive(made.read_bytes()[:4])
    found = unpack(made, tmp_path / "out", LIMITS, name="a.zip")
    assert [(one.folder, one.name, one.path.read_bytes()) for one in found] == [
        (".", "c.jpg", b"third"),
        ("set", "a.jpg", b"first"),
        ("set", "b.jpg", b"second"),
    ]


@pytest.mark.parametrize("name", ["../../escape.jpg", "/etc/escape.jpg", "..\\..\\escape.jpg", "C:\\escape.jpg"])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    (one,) = unpack(archive(tmp_path / "a.zip", {name: b"x"}), tmp_path / "in" / "out", LIMITS, name="a.zip")
    assert one.path.parent == tmp_path / "in" / "out" and one.name == "escape.jpg"
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["0000", "a.zip"]


def test_what_systems_add_and_links_are_passed_over(tmp_path: Path) -> None:
    made = archive(
        tmp_path / "a.zip",
        {"__MACOSX/._a.jpg": b"x", ".DS_Store": b"x", "Thumbs.db": b"x", "photos/.hidden/b.jpg": b"x", "a.jpg": b"x"},
    )
    with zipfile.ZipFile(made, "a") as out:
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16
        out.writestr(link, "/etc/passwd")
    assert [one.name for one in unpack(made, tmp_path / "out", LIMITS, name="a.zip")] == ["a.jpg"]


def test_a_bomb_is_stopped_by_what_comes_out_whatever_it_says(tmp_path: Path) -> None:
    made = archive(tmp_path / "a.zip", {"bomb.jpg": bytes(50_000_000)})
    assert made.stat().st_size < 100_000
    with pytest.raises(ArchiveTooLargeError):
        unpack(made, tmp_path / "out", LIMITS, name="a.zip")
    data = made.read_bytes()
    # The sizes in its directory and before the file are made to say 1000 bytes.
    small = data.replace(struct.pack("<I", 50_000_000), struct.pack("<I", 1000))
    assert small != data
    made.write_bytes(small)
    with pytest.raises((ArchiveTooLargeError, ArchiveUnreadableError)):
        unpack(made, tmp_path / "out", LIMITS, name="a.zip")
    assert sum(path.stat().st_size for path in (tmp_path / "out").iterdir()) <= LIMITS.file_bytes


@pytest.mark.parametrize(
    "files",
    [{f"{n}.jpg": b"x" for n in range(11)}, {f"{n}.jpg": bytes(900_000) for n in range(3)}],
    ids=["too many", "too large in all"],
)
def test_more_than_may_be_is_refused_and_nothing_stays(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(ArchiveTooLargeError):
        unpack(archive(tmp_path / "a.zip", files), tmp_path / "out", LIMITS, name="a.zip")
    assert list((tmp_path / "out").iterdir()) == []


def test_damaged_archives_say_so_and_leave_nothing(tmp_path: Path) -> None:
    whole = archive(tmp_path / "a.zip", {"a.jpg": bytes(range(256)) * 50}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    changed = bytearray(whole)
    changed[60] ^= 0xFF
    (tmp_path / "changed.zip").write_bytes(changed)
    for name in ("cut.zip", "changed.zip"):
        with pytest.raises(ArchiveUnreadableError) as caught:
            unpack(tmp_path / name, tmp_path / "out", LIMITS, name=name)
        assert name in caught.value.message and caught.value.suggestion
        assert list((tmp_path / "out").iterdir()) == []


def test_an_encrypted_archive_is_named_as_such(tmp_path: Path) -> None:
    data = bytearray(archive(tmp_path / "a.zip", {"a.jpg": b"secret"}).read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(magic) + offset
        data[at] |= 1  # general purpose bit 0: encrypted (APPNOTE 4.4.4)
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(ArchiveUnreadableError, match="encrypted"):
        unpack(tmp_path / "a.zip", tmp_path / "out", LIMITS, name="a.zip")


def test_an_empty_archive_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    (tmp_path / "a.zip").write_bytes(empty.getvalue())
    with pytest.raises(ArchiveEmptyError):
        unpack(tmp_path / "a.zip", tmp_path / "out", LIMITS, name="a.zip")

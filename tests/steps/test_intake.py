"""What came is sorted by what it is, whatever it is called and however it was packed."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image as Picture

from maquette.errors import MaquetteError
from maquette.recon.archive import ArchiveLimits, ArchiveUnreadableError
from maquette.steps.intake import Entry, Intake, MixedInputsError, sort_out

LIMITS = ArchiveLimits(files=40, file_bytes=10_000_000, total_bytes=50_000_000)
SIDES = ("front", "back", "left", "right", "top", "bottom")
MP4 = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(64)


def picture(shade: int = 100) -> bytes:
    out = io.BytesIO()
    Picture.new("L", (8, 8), shade).save(out, "PNG")
    return out.getvalue()


def sort(tmp_path: Path, files: dict[str, bytes], field: str = "file") -> Intake:
    (tmp_path / "in").mkdir(exist_ok=True)
    entries = []
    for number, (name, data) in enumerate(files.items()):
        path = tmp_path / "in" / f"{field}-{number:04d}"
        path.write_bytes(data)
        entries.append(Entry(path, name, field))  # type: ignore[arg-type]
    return sort_out(entries, tmp_path / "unpacked", LIMITS)


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def names(entries: list[Entry]) -> list[str]:
    return [entry.filename for entry in entries]


def test_kinds_are_told_by_content_and_poses_by_name(tmp_path: Path) -> None:
    found = sort(
        tmp_path,
        {
            "a.jpg": picture(),
            "walk.jpg": MP4,
            "transforms.json": b"{}",
            "Cameras.bin": b"x",
            "dinoSR_par.txt": b"1",
            "b.txt": picture(),
        },
    )
    assert names(found.photos) == ["a.jpg", "b.txt"]
    assert names(found.videos) == ["walk.jpg"]
    assert names(found.poses) == ["transforms.json", "Cameras.bin", "dinoSR_par.txt"]
    assert found.refused == [] and not found.six_views


def test_what_is_nothing_known_is_left_for_the_photo_reader_to_explain(tmp_path: Path) -> None:
    assert names(sort(tmp_path, {"notes.txt": b"hello"}).photos) == ["notes.txt"]


def test_an_archive_is_the_same_as_its_files(tmp_path: Path) -> None:
    loose = {"a.png": picture(), "b.png": picture(), "a.mask.png": picture(255), "transforms.json": b"{}"}
    found = sort(
        tmp_path, {"set.zip": packed({f"set/{name}": data for name, data in loose.items()} | {"README": b"x"})}
    )
    assert (names(found.photos), names(found.poses)) == (["a.png", "b.png"], ["transforms.json"])
    assert found.masks[0].filename == "a.mask.png"
    assert found.passed_over == ["README"]


@pytest.mark.parametrize("mask", ["a.jpg.mask.png", "a.mask.png", "A.MASK.PNG"])
def test_a_mask_finds_its_photo(tmp_path: Path, mask: str) -> None:
    found = sort(tmp_path, {"b.jpg": picture(), mask: picture(255), "a.jpg": picture()})
    assert names(found.photos) == ["b.jpg", "a.jpg"]
    assert {index: entry.filename for index, entry in found.masks.items()} == {1: mask}


def test_photos_of_one_name_in_two_folders_keep_their_own_masks(tmp_path: Path) -> None:
    files = {
        f"{where}/a.{kind}": picture(shade) for where, shade in (("x", 10), ("y", 20)) for kind in ("png", "mask.png")
    }
    found = sort(tmp_path, {"both.zip": packed(files)})
    assert [entry.folder for entry in found.photos] == [found.masks[index].folder for index in range(2)] == ["x", "y"]


def test_a_mask_alone_is_refused_and_stops_nothing(tmp_path: Path) -> None:
    found = sort(tmp_path, {"a.jpg": picture(), "c.mask.png": picture()})
    assert names(found.photos) == ["a.jpg"]
    assert [(entry.filename, error.code) for entry, error in found.refused] == [("c.mask.png", "mask_without_photo")]


def test_six_views_come_by_their_fields(tmp_path: Path) -> None:
    files = {f"{side}.png": picture() for side in SIDES}
    entries = []
    for field in ("views", "depth_renders"):
        for name, data in files.items():
            path = tmp_path / f"{field}-{name}"
            path.write_bytes(data)
            entries.append(Entry(path, name, field))  # type: ignore[arg-type]
    found = sort_out(entries, tmp_path / "unpacked", LIMITS)
    assert found.six_views and not found.photos
    assert (len(found.views), len(found.depth_renders)) == (6, 6)


def test_six_views_are_seen_in_an_archive_by_its_folders(tmp_path: Path) -> None:
    rig = {f"job/{folder}/{side}.png": picture() for folder in ("multi_views", "depth_renders") for side in SIDES}
    found = sort(tmp_path, {"job.zip": packed(rig)})
    assert found.six_views and not found.photos
    assert {entry.folder for entry in found.depth_renders} == {"job/depth_renders"}
    assert sorted(names(found.views)) == sorted(f"{side}.png" for side in SIDES)


def test_photos_that_happen_to_lie_beside_depths_are_photos(tmp_path: Path) -> None:
    scan = {f"scan/{folder}/{n}.png": picture() for folder in ("rgb", "depth") for n in range(6)}
    found = sort(tmp_path, {"scan.zip": packed(scan)})
    assert not found.six_views and len(found.photos) == 12


def test_six_views_are_not_mixed_with_anything(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(picture())
    with pytest.raises(MixedInputsError):
        sort_out([Entry(path, "front.png", "views"), Entry(path, "holiday.jpg")], tmp_path / "unpacked", LIMITS)


def in_folders(root: Path, files: dict[str, bytes]) -> list[Entry]:
    """Files as the command line finds them in a folder."""
    entries = []
    for number, (name, data) in enumerate(files.items()):
        path = root / f"{number:04d}"
        path.write_bytes(data)
        entries.append(Entry(path, Path(name).name, "file", str(Path(name).parent)))
    return entries


def test_a_folder_is_the_same_as_an_archive_of_it(tmp_path: Path) -> None:
    rig = {f"job/{folder}/{side}.png": picture() for folder in ("multi_views", "depth_renders") for side in SIDES}
    found = sort_out(in_folders(tmp_path, {**rig, "job/SOURCE.txt": b"x"}), tmp_path / "unpacked", LIMITS)
    assert found.six_views and (len(found.views), len(found.depth_renders)) == (6, 6)
    assert found.passed_over == ["SOURCE.txt"]


def test_what_is_called_a_photo_is_read_wherever_it_lay(tmp_path: Path) -> None:
    """So that it is told what is wrong with it, and not passed over."""
    files = {"set/a.jpg": picture(), "set/b.jpg": b"cut off at its beginning", "set/notes.txt": b"hello"}
    for found in (sort(tmp_path, {"set.zip": packed(files)}), sort_out(in_folders(tmp_path, files), tmp_path, LIMITS)):
        assert names(found.photos) == ["a.jpg", "b.jpg"]
        assert found.passed_over == ["notes.txt"]


def test_points_without_cameras_are_none(tmp_path: Path) -> None:
    """An earlier model that lay beside the photos is no reason to fail for want of cameras."""
    found = sort(tmp_path, {"a.jpg": picture(), "model.ply": b"ply"})
    assert (found.poses, found.passed_over) == ([], ["model.ply"])
    found = sort(tmp_path, {"a.jpg": picture(), "transforms.json": b"{}", "points.ply": b"ply"})
    assert names(found.poses) == ["transforms.json", "points.ply"]


def test_archives_in_archives_are_refused_by_name(tmp_path: Path) -> None:
    found = sort(tmp_path, {"outer.zip": packed({"inner.zip": packed({"a.png": picture()}), "b.png": picture()})})
    assert names(found.photos) == ["b.png"]
    assert [error.code for _, error in found.refused] == ["nested_archive"]


def test_one_broken_archive_alone_is_the_error_and_beside_others_a_refusal(tmp_path: Path) -> None:
    broken = packed({"a.png": picture()})[:60]
    with pytest.raises(ArchiveUnreadableError):
        sort(tmp_path, {"broken.zip": broken})
    found = sort(tmp_path, {"broken.zip": broken, "b.png": picture()})
    assert names(found.photos) == ["b.png"]
    assert [error.code for _, error in found.refused] == ["archive_unreadable"]


def test_archives_share_one_limit(tmp_path: Path) -> None:
    many = [packed({f"{n}-{k}.png": picture() for n in range(30)}) for k in range(2)]
    found = sort(tmp_path, {"one.zip": many[0], "two.zip": many[1]})
    assert len(found.photos) == 30
    (refused,) = found.refused
    assert isinstance(refused[1], MaquetteError) and refused[1].code == "archive_too_large"

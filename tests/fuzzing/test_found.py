"""What fuzzing found, each kept as the smallest file that showed it."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maquette.errors import MaquetteError
from maquette.recon.archive import ArchiveLimits, ArchiveUnreadableError, unpack
from maquette.recon.arrays import DamagedArraysError, open_arrays, read_array
from maquette.recon.images import read_photo
from maquette.recon.mesh.saved import load_mesh
from maquette.recon.scenes.ply_points import read_ply_points
from maquette.recon.scenes.pose_files import read_pose_files
from tests.fuzzing import seeds

LIMITS = ArchiveLimits(20, 1 << 20, 2 << 20)


def zip_with(data: bytes, change: tuple[bytes, bytes]) -> bytes:
    assert change[0] in data
    return data.replace(*change)


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"])
def test_what_other_compressions_raise(kind: int, tmp_path: Path) -> None:
    """bz2 raises an OSError without a number, lzma an error of its own."""
    whole = seeds.zipped({"a.jpg": bytes(range(256)) * 8}, kind)
    start = whole.index(b"a.jpg") + 5
    broken = whole[: start + 14] + b"\xff" * 20 + whole[start + 34 :]
    (tmp_path / "a.zip").write_bytes(broken)
    with pytest.raises(ArchiveUnreadableError):
        unpack(tmp_path / "a.zip", tmp_path / "out", LIMITS, name="a.zip")
    assert list((tmp_path / "out").iterdir()) == [], "nothing half unpacked stays"


def test_a_list_that_points_before_the_beginning_of_the_archive(tmp_path: Path) -> None:
    whole = bytearray(seeds.zipped({"a.jpg": b"x"}))
    end = whole.rindex(b"PK\5\6")
    # The list is said to begin later than it does, so all that it points to lies before the file.
    (at,) = struct.unpack_from("<L", whole, end + 16)
    struct.pack_into("<L", whole, end + 16, at + 1000)
    (tmp_path / "a.zip").write_bytes(whole)
    with pytest.raises(ArchiveUnreadableError):
        unpack(tmp_path / "a.zip", tmp_path / "out", LIMITS, name="a.zip")


def test_a_file_without_a_name_in_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        for name in ("", "b.jpg"):
            made.writestr(zipfile.ZipInfo(name), b"y")
    (one,) = unpack(tmp_path / "a.zip", tmp_path / "out", LIMITS, name="a.zip")
    assert one.name == "b.jpg"


def test_a_tiff_whose_second_picture_is_broken(tmp_path: Path) -> None:
    """Only the first one matters."""
    out = io.BytesIO()
    first = seeds.picture()
    first.save(out, "TIFF", save_all=True, append_images=[Image.new("RGB", (8, 8))])
    data = bytearray(out.getvalue())
    (ifd,) = struct.unpack_from("<L", data, 4)
    (count,) = struct.unpack_from("<H", data, ifd)
    (second,) = struct.unpack_from("<L", data, ifd + 2 + 12 * count)
    assert second
    struct.pack_into("<H", data, second, 0)
    (tmp_path / "a.tif").write_bytes(data)
    assert read_photo(tmp_path / "a.tif").pixels.shape == (seeds.HEIGHT, seeds.WIDTH, 3)


@pytest.mark.parametrize("count", ["99999999999999999999", "1000000000000", "-5"])
@pytest.mark.parametrize("kind", ["ascii", "binary_little_endian"])
def test_points_that_announce_more_than_there_are(count: str, kind: str, tmp_path: Path) -> None:
    """They were counted out one by one, for years."""
    header = f"ply\nformat {kind} 1.0\nelement vertex {count}\nproperty float x\nproperty float y\nproperty float z\n"
    (tmp_path / "p.ply").write_text(f"{header}end_header\n1 2 3\n")
    with pytest.raises(ValueError, match="fewer points"):
        read_ply_points(tmp_path / "p.ply")


def test_points_without_an_end_of_their_header(tmp_path: Path) -> None:
    (tmp_path / "p.ply").write_bytes(b"ply\n" + b"comment x\n" * 10_000)
    with pytest.raises(ValueError, match="does not end"):
        read_ply_points(tmp_path / "p.ply")


def frames(**more: object) -> str:
    frame = {"file_path": "a.png", "transform_matrix": np.eye(4).tolist()}
    return json.dumps({"camera_angle_x": 0.8, "frames": [frame], **more})


def test_cameras_nested_without_end(tmp_path: Path) -> None:
    (tmp_path / "transforms.json").write_text('{"frames": ' + "[" * 100_000)
    with pytest.raises(MaquetteError) as refused:
        read_pose_files(tmp_path, tmp_path / "work")
    assert refused.value.code == "scene_unreadable"


@pytest.mark.parametrize("way", ["absolute", "above", "link"])
def test_cameras_name_no_points_of_anybody_else(way: str, tmp_path: Path) -> None:
    """A file that a stranger sent opened any PLY on the machine, another user's model among them."""
    theirs = tmp_path / "theirs.ply"
    (folder := tmp_path / "mine").mkdir()
    theirs.write_bytes(seeds.point_clouds(tmp_path)[0])
    (folder / "link.ply").symlink_to(theirs)
    path = {"absolute": str(theirs), "above": "../theirs.ply", "link": "link.ply"}[way]
    (folder / "transforms.json").write_text(frames(ply_file_path=path))
    assert len(read_pose_files(folder, tmp_path / "work").points) == 0
    (folder / "own.ply").write_bytes(theirs.read_bytes())
    (folder / "transforms.json").write_text(frames(ply_file_path="own.ply"))
    assert len(read_pose_files(folder, tmp_path / "work").points) == 5


class TestArrays:
    def test_what_numpy_raises_on_a_broken_header(self, tmp_path: Path) -> None:
        whole = seeds.depth_arrays(tmp_path)[0]
        for place, byte in ((11, b"("), (20, b"\xff"), (6, b"\x09"), (60, b"[")):
            (tmp_path / "a.npy").write_bytes(whole[:place] + byte + whole[place + 1 :])
            try:
                read_array(tmp_path / "a.npy")
            except DamagedArraysError:
                continue

    def test_an_array_that_says_it_is_larger_than_its_file(self, tmp_path: Path) -> None:
        """numpy would ask for the memory first."""
        whole = seeds.depth_arrays(tmp_path)[0]
        lying = zip_with(whole, (b"(80, 96), }" + b" " * 9, b"(80, 96000000000), }"))
        (tmp_path / "a.npy").write_bytes(lying)
        with pytest.raises(DamagedArraysError, match="announces more"):
            read_array(tmp_path / "a.npy")
        (tmp_path / "a.npz").write_bytes(seeds.zipped({"x.npy": lying, "y.txt": b"words"}))
        with open_arrays(tmp_path / "a.npz") as arrays:
            assert "x" in arrays
            with pytest.raises(ValueError, match="announces more"):
                arrays["x"]
            with pytest.raises(KeyError):
                arrays["y"]

    def test_a_pickle_is_never_read(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", np.array([{"a": 1}]), allow_pickle=True)
        with pytest.raises(DamagedArraysError):
            read_array(tmp_path / "a.npy")

    def test_a_mesh_whose_faces_name_no_vertex(self, tmp_path: Path) -> None:
        """Compiled code would read beside the array."""
        for faces in (np.int32([[0, 1, 99]]), np.int32([[-1, 0, 1]]), np.int64([[0, 1, 2]])):
            np.savez(tmp_path / "m.npz", vertices=np.zeros((3, 3), np.float32), faces=faces)
            with pytest.raises(MaquetteError) as refused:
                load_mesh(tmp_path / "m.npz")
            assert refused.value.code == "mesh_unreadable"


@pytest.mark.parametrize(
    "text", ["#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n", "ffconcat version 1.0\nfile /etc/passwd\n"]
)
def test_a_list_of_addresses_is_no_video(text: str, tmp_path: Path) -> None:
    """FFmpeg would fetch them."""
    from maquette.recon.video import choose_keyframes

    (tmp_path / "walk.mp4").write_text(text)
    with pytest.raises(MaquetteError) as refused:
        choose_keyframes(tmp_path / "walk.mp4", tmp_path / "frames", 3)
    assert refused.value.status == 422

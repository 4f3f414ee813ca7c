"""What lies in an OUT after the upload: the same as a worker would find, and numbers that never change."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console
from tests.execution.house import noise_jpeg
from tests.execution.test_inputs import disc, walk

from maquette.cli.bars import Bars
from maquette.cli.local import LocalSink
from maquette.cli.memory import OtherPhotosError, remember
from maquette.cli.taking_in import FixedPhotosError, upload
from maquette.client.inputs import gather
from maquette.steps.folder import Folder, write_json

DEFAULTS = {"remove_bg": False, "original_resolution": False, "frames": None, "preset": "fastest"}
Taker = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "out" / "steps").mkdir(parents=True)
    return Folder(tmp_path / "out" / "steps")


@pytest.fixture
def take(folder: Folder) -> Taker:
    """One call's upload; what it printed."""

    def taken(paths: Sequence[Path], **parameters: Any) -> str:
        output = io.StringIO()
        with Bars(Console(file=output, width=200)) as bars, remember(folder.root) as memory:
            upload(gather(paths), {**DEFAULTS, **parameters}, folder, memory, LocalSink(bars))
        return output.getvalue()

    return taken


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    home = tmp_path / "photos"
    home.mkdir()
    for number in range(3):
        (home / f"{number}.jpg").write_bytes(noise_jpeg(number))
    return home


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "walk.mp4"
    walk(path)
    return path


def hold_out(folder: Folder, *names: str) -> None:
    """As a generate does."""
    write_json(folder.evaluation, {"names": list(names), "long_side": 480})


def test_masks_cameras_and_what_is_known_of_photos_lie_where_generate_looks(
    folder: Folder, take: Taker, photos: Path
) -> None:
    with Image.open(photos / "1.jpg") as picture:
        width, height = picture.size
    (photos / "1.mask.png").write_bytes(disc(width, height))
    (photos / "Images.bin").write_bytes(b"x")
    (photos / "transforms.json").write_text('{"frames": []}')
    (photos / "notes.txt").write_text("mine")
    told = take([photos])
    assert "3 of 3 photos can be used, 1 with a mask." in told and "notes.txt" in told
    assert folder.filenames() == {f"{n:04d}.jpg": f"{n}.jpg" for n in range(3)}
    assert set(folder.kinds().values()) == {"photo"}
    assert folder.original_sizes()["0001.jpg"] == (width, height)
    assert [path.name for path in folder.masks.iterdir()] == ["0001.jpg.png"]
    assert sorted(path.name for path in folder.poses.iterdir()) == ["images.bin", "transforms.json"]


def test_the_same_again_is_not_done_again_and_what_changed_is(folder: Folder, take: Taker, photos: Path) -> None:
    (photos / "transforms.json").write_text('{"frames": []}')
    take([photos])
    again = take([photos])
    assert "done before" in again and "3 of 3 photos" in again
    (photos / "transforms.json").unlink()
    assert "done before" not in take([photos])
    assert not folder.poses.exists(), "cameras that were taken away are not used any more"
    assert "done before" not in take([photos], original_resolution=True)


def test_the_preset_of_the_first_call_decides_on_frames_that_measure(folder: Folder, take: Taker, video: Path) -> None:
    assert "24 wanted (preset fastest)" in take([video])
    names = sorted(folder.kinds())
    before = {name: (folder.images / name).read_bytes() for name in names}
    assert "40 wanted (preset balanced)" in take([video], preset="balanced"), "nothing measures yet"
    take([video])
    hold_out(folder, "0000.jpg")
    assert "done before" in take([video], preset="quality")
    assert {name: (folder.images / name).read_bytes() for name in names} == before


def test_frames_that_measure_keep_their_numbers(folder: Folder, take: Taker, video: Path, photos: Path) -> None:
    take([video], frames=4)
    hold_out(folder, "0000.jpg")
    for call in (lambda: take([video], frames=5), lambda: take([video, photos], frames=4)):
        with pytest.raises(FixedPhotosError, match="frames of a video"):
            call()
    assert len(folder.kinds()) == 4, "refused before anything was touched"
    assert "done before" in take([video], frames=4)
    with pytest.raises(OtherPhotosError):
        take([photos], frames=4)


def test_to_a_single_photo_nothing_is_added(folder: Folder, take: Taker, photos: Path) -> None:
    take([photos / "0.jpg"])
    hold_out(folder)
    with pytest.raises(FixedPhotosError, match="single photo"):
        take([photos])
    assert "done before" in take([photos / "0.jpg"])
    assert json.loads((folder.root / "images.json").read_text())[0]["filename"] == "0.jpg"

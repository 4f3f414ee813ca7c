"""From a video file to photos in a folder."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from tests.recon.video.movies import HEIGHT, WIDTH, texture, turn, walk, write_video

from maquette.errors import MaquetteError
from maquette.progress import CancelledError
from maquette.recon.capture import measure
from maquette.recon.images import read_photo
from maquette.recon.video import Keyframes, choose_keyframes, open_video
from maquette.recon.video.colour import to_srgb
from maquette.recon.video.finding import find_frames
from maquette.recon.video.measuring import survey
from maquette.recon.video.reader import probe


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three and a half seconds past a near thing, of which the second half second is smeared."""

    def pictures() -> Iterator[np.ndarray]:
        for i, picture in enumerate(walk(105)):
            yield cv2.blur(picture, (41, 3)) if 30 <= i < 45 else picture

    return write_video(tmp_path_factory.mktemp("video") / "walk.mp4", pictures(), options={"crf": "16"})


def codes(found: Keyframes) -> set[str]:
    return {reason.code for reason in found.reasons}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_frames_are_written_upright_in_order_and_are_those_described(walked: Path, tmp_path: Path) -> None:
    found = choose_keyframes(walked, tmp_path / "photos", 12)
    assert [frame.file for frame in found.keyframes] == sorted(files(tmp_path / "photos"))
    assert len(found.keyframes) == 12
    times = [frame.time_s for frame in found.keyframes]
    assert times == sorted(times)
    for frame in found.keyframes:
        photo = read_photo(tmp_path / "photos" / frame.file)
        assert (photo.width, photo.height) == (WIDTH, HEIGHT)
        assert frame.time_s == pytest.approx(frame.index / 30, abs=1e-3)
        assert measure(photo).sharpness == pytest.approx(frame.sharpness, rel=0.1)
    with open_video(walked) as reader:
        pictures = {decoded.index: to_srgb(decoded.frame, WIDTH, HEIGHT) for decoded in reader.decode()}
    for frame in found.keyframes:
        written = np.asarray(Image.open(tmp_path / "photos" / frame.file)).astype(int)
        difference = {index: np.abs(written - picture).mean() for index, picture in pictures.items()}
        assert min(difference, key=lambda index: difference[index]) == frame.index
        assert difference[frame.index] < 4  # what JPEG does to fine noise
    assert found.frames == 105
    assert "mostly_blurred" not in codes(found)
    assert not {"camera_stood_still", "camera_only_turned", "moves_too_fast", "scene_cuts"} & codes(found)


def test_smeared_frames_are_passed_over(walked: Path, tmp_path: Path) -> None:
    found = choose_keyframes(walked, tmp_path, 12)
    assert not [frame for frame in found.keyframes if 31 <= frame.index < 44]


def test_the_same_every_time_whatever_came_between(walked: Path, tmp_path: Path) -> None:
    first = choose_keyframes(walked, tmp_path / "a", 8)
    choose_keyframes(walked, tmp_path / "b", 5)
    again = choose_keyframes(walked, tmp_path / "b", 8)
    assert again == first
    assert files(tmp_path / "b") == files(tmp_path / "a")


def test_frames_of_an_earlier_call_go_and_other_files_stay(walked: Path, tmp_path: Path) -> None:
    choose_keyframes(walked, tmp_path, 8)
    (tmp_path / "frame_of_mine.jpg").write_bytes(b"mine")
    choose_keyframes(walked, tmp_path, 4)
    assert sorted(files(tmp_path)) == [*(f"frame_{i:04d}.jpg" for i in range(1, 5)), "frame_of_mine.jpg"]


def test_jumping_finds_the_same_pictures_as_decoding_through(walked: Path) -> None:
    def pictures(key_pts: tuple[int, ...]) -> list[np.ndarray]:
        return [to_srgb(each.frame, WIDTH, HEIGHT) for each in find_frames(reader, key_pts, chosen)]

    with open_video(walked) as reader:
        seen = survey(reader, probe(reader), 20, lambda *_: None)
        chosen = [seen.measured[i] for i in (1, 40, 41, 80, len(seen.measured) - 1)]
        assert len(seen.key_pts) > 5
        straight = pictures(())
        for key_pts in (seen.key_pts, tuple(pts + 1 for pts in seen.key_pts)):  # also with an index that lies
            assert all(np.array_equal(a, b) for a, b in zip(pictures(key_pts), straight, strict=True))


def test_a_turned_phone_gives_upright_photos(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mov", walk(40), rotation=(270, False))
    found = choose_keyframes(path, tmp_path / "photos", 6)
    photo = read_photo(tmp_path / "photos" / found.keyframes[0].file)
    assert (photo.width, photo.height) == (HEIGHT, WIDTH)
    assert found.notes == ("rotated",)


def test_large_frames_are_reduced_unless_told_otherwise(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", walk(12))
    found = choose_keyframes(path, tmp_path / "small", 3, long_side_px=160)
    assert read_photo(tmp_path / "small" / found.keyframes[0].file).pixels.shape == (120, 160, 3)
    assert found.notes == ("reduced",)
    whole = choose_keyframes(path, tmp_path / "whole", 3, long_side_px=None)
    assert read_photo(tmp_path / "whole" / whole.keyframes[0].file).pixels.shape == (240, 320, 3)


def test_a_camera_that_only_turns_is_told(tmp_path: Path) -> None:
    found = choose_keyframes(write_video(tmp_path / "a.mp4", turn(100)), tmp_path / "photos", 12)
    assert "camera_only_turned" in codes(found)
    assert "camera_stood_still" not in codes(found)


def test_a_camera_that_stands_still_is_told(tmp_path: Path) -> None:
    found = choose_keyframes(write_video(tmp_path / "a.mp4", [next(walk(1))] * 100), tmp_path / "photos", 12)
    assert "camera_stood_still" in codes(found)
    assert len(found.keyframes) == 3


def test_dark_and_blurred_videos_are_told(tmp_path: Path) -> None:
    dark = write_video(tmp_path / "dark.mp4", (picture // 10 for picture in walk(40)))
    assert {"too_dark", "too_short"} <= codes(choose_keyframes(dark, tmp_path / "a", 8))
    smeared = write_video(tmp_path / "smeared.mp4", (cv2.blur(picture, (31, 31)) for picture in walk(40)))
    found = choose_keyframes(smeared, tmp_path / "b", 8)
    assert "mostly_blurred" in codes(found)
    assert found.keyframes
    assert all(reason.sentence and reason.action for reason in found.reasons)
    assert found.status == "warning"


def test_cuts_are_told(tmp_path: Path) -> None:
    other = texture(7, grain=6)[:HEIGHT, :WIDTH]
    path = write_video(tmp_path / "a.mp4", [*walk(30), *[other] * 30])
    assert "scene_cuts" in codes(choose_keyframes(path, tmp_path / "photos", 8))


def test_a_cut_off_file_is_used_and_told(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", walk(60), container_options={"movflags": "faststart"}).read_bytes()
    (tmp_path / "a.mp4").write_bytes(whole[: len(whole) // 2])
    found = choose_keyframes(tmp_path / "a.mp4", tmp_path / "photos", 6)
    assert "cut_off" in codes(found)
    assert len(found.keyframes) >= 3
    assert len(files(tmp_path / "photos")) == len(found.keyframes)


def test_uneven_time_stamps_are_noted(tmp_path: Path) -> None:
    stamps = [40 * i + (15 if i % 3 else 0) + (300 if i > 30 else 0) for i in range(60)]
    path = write_video(tmp_path / "a.mkv", walk(60), times=stamps, options={"bf": "0"})
    found = choose_keyframes(path, tmp_path / "photos", 6)
    assert found.notes == ("variable_frame_rate",)
    assert {round(frame.time_s * 1000) for frame in found.keyframes} <= set(stamps)


def test_bad_calls_and_files_leave_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no video at all")
    with pytest.raises(MaquetteError, match=r"holiday\.mp4"):
        choose_keyframes(tmp_path / "a.mp4", tmp_path / "photos", 8, name="holiday.mp4")
    with pytest.raises(ValueError, match="at least one"):
        choose_keyframes(tmp_path / "a.mp4", tmp_path / "photos", 0)
    assert not (tmp_path / "photos").exists()


def test_progress_rises_and_may_end_the_work(walked: Path, tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    choose_keyframes(walked, tmp_path, 4, progress=lambda stage, fraction, message="": told.append((stage, fraction)))
    for stage in ("measuring", "writing"):
        fractions = [fraction for name, fraction in told if name == stage]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1.0
        assert len(fractions) > 3

    def cancel(stage: str, fraction: float, message: str = "") -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        choose_keyframes(walked, tmp_path / "never", 4, progress=cancel)
    assert not (tmp_path / "never").exists()


def test_the_result_is_plain_data(walked: Path, tmp_path: Path) -> None:
    data = json.loads(json.dumps(choose_keyframes(walked, tmp_path, 4).as_dict()))
    assert data["facts"]["container"] == "mp4"
    assert len(data["keyframes"]) == 4
    assert {"status", "reasons", "notes", "parallax"} <= set(data)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of this process is read from /proc")
def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    pictures = [picture[:96, :128] for picture in walk(50)]
    videos = []
    for name, rounds in (("short", 4), ("long", 60)):  # 200 and 3000 frames: 7 and 110 MB of pixels
        there_and_back = (picture for i in range(rounds) for picture in (pictures if i % 2 else pictures[::-1]))
        videos.append(write_video(tmp_path / f"{name}.mkv", there_and_back, codec="mpeg4", pix_fmt="yuv420p"))
    script = """
import sys
from pathlib import Path
from maquette.recon.video import choose_keyframes
for video in sys.argv[1:]:
    found = choose_keyframes(Path(video), Path(video).parent / "photos", 10)
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(found.frames, len(found.keyframes), peak.split()[1])
"""
    told = subprocess.run(
        [sys.executable, "-c", script, *map(str, videos)], check=True, capture_output=True, text=True
    ).stdout
    (few, _, before_kb), (many, chosen, after_kb) = (map(int, line.split()) for line in told.splitlines())
    assert (few, many, chosen) == (200, 3000, 10)
    assert after_kb - before_kb < 20_000

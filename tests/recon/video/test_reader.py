"""Videos as users send them: every way a file can be wrong, and what the good ones say of themselves."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter
from tests.recon.video.movies import walk, write_sound, write_video

from maquette.errors import MaquetteError
from maquette.recon.images.sniff import sniff, sniff_video
from maquette.recon.video import VideoFacts, VideoLimits, open_video, probe
from maquette.recon.video.colour import to_srgb
from maquette.recon.video.orientation import turn_upright

CONTAINERS = {
    "a.mp4": ("libx264", "mp4"),
    "b.mp4": ("mpeg4", "mp4"),
    "c.mov": ("libx264", "mov"),
    "d.avi": ("mpeg4", "avi"),
    "e.mkv": ("libx264", "matroska"),
    "f.webm": ("libvpx", "matroska"),
    "g.webm": ("libvpx-vp9", "matroska"),
}


def facts_of(path: Path, **limits: float) -> VideoFacts:
    with open_video(path, limits=VideoLimits(**limits)) as reader:
        return probe(reader)


def code_of(path: Path, **limits: float) -> str:
    with pytest.raises(MaquetteError) as raised:
        facts_of(path, **limits)
    assert path.name in raised.value.message
    assert raised.value.suggestion
    return raised.value.code


def corners() -> np.ndarray:
    """Red top left, green top right, blue bottom left, grey bottom right; wider than high."""
    picture = np.full((96, 160, 3), 128, np.uint8)
    picture[:48, :80], picture[:48, 80:], picture[48:, :80] = (220, 20, 20), (20, 220, 20), (20, 20, 220)
    return picture


def corner_colours(picture: np.ndarray) -> str:
    """The four corners' colours, row by row."""
    h, w = picture.shape[:2]
    found = ""
    for y, x in ((h // 4, w // 4), (h // 4, 3 * w // 4), (3 * h // 4, w // 4), (3 * h // 4, 3 * w // 4)):
        colour = picture[y, x].astype(int)
        found += "." if np.ptp(colour) < 40 else "rgb"[colour.argmax()]
    return found


@pytest.mark.parametrize("name", CONTAINERS)
def test_reads_every_container_by_content(tmp_path: Path, name: str) -> None:
    codec, kind = CONTAINERS[name]
    made = write_video(tmp_path / name, walk(12), codec=codec, fps=12)
    path = made.rename(tmp_path / "holiday.txt")
    with open_video(path) as reader:
        facts = probe(reader)
        times = [decoded.time_s for decoded in reader.decode()]
        again = [decoded.time_s for decoded in reader.decode()]
    assert facts.container == kind
    assert (facts.width, facts.height, facts.transfer, facts.bits) == (320, 240, "sdr", 8)
    assert facts.fps == pytest.approx(12)
    assert facts.duration_s == pytest.approx(1.0, abs=0.1)
    assert np.allclose(times, np.arange(12) / 12, atol=0.002)
    assert again == times


@pytest.mark.parametrize(
    "content",
    [
        b"hello, this is text, and it is long enough to be something",
        b"#EXTM3U\n#EXTINF:1,\nhttp://example.com/a.ts\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"\0" * 500,
        b"\xff\xd8\xff\xe0\0\x10JFIF" + b"\0" * 50,
        b"\0\0\0\x18ftypheic" + b"\0" * 50,
        b"RIFF\x10\0\0\0WAVEfmt " + b"\0" * 50,
    ],
)
def test_no_video_whatever_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    assert code_of(tmp_path / "a.mp4") == "not_a_video"


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    assert code_of(tmp_path / "a.mp4") == "empty_file"


def test_sound_only(tmp_path: Path) -> None:
    assert code_of(write_sound(tmp_path / "song.mp4")) == "no_video_stream"
    assert code_of(write_sound(tmp_path / "song.mkv")) == "no_video_stream"


def test_sound_beside_pictures_is_no_hindrance(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", walk(6), sound=True)
    with open_video(path) as reader:
        assert len(list(reader.decode())) == 6


def test_header_without_anything_behind_it(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", walk(6)).read_bytes()
    (tmp_path / "a.mp4").write_bytes(whole[: len(whole) // 2])  # the index of an mp4 stands at its end
    assert code_of(tmp_path / "a.mp4") == "video_corrupt"


@pytest.mark.parametrize("kind", ["mp4", "mkv", "avi"])
def test_a_cut_off_file_gives_what_it_holds(tmp_path: Path, kind: str) -> None:
    codec = "mpeg4" if kind == "avi" else "libx264"
    options = {"movflags": "faststart"} if kind == "mp4" else {}
    whole = write_video(tmp_path / f"whole.{kind}", walk(40), codec=codec, container_options=options).read_bytes()
    path = tmp_path / f"a.{kind}"
    path.write_bytes(whole[: len(whole) * 6 // 10])
    with open_video(path) as reader:
        assert probe(reader).width == 320
        first = [decoded.index for decoded in reader.decode()]
        second = [decoded.index for decoded in reader.decode()]
    assert 10 < len(first) < 36
    assert second == first


def test_damage_in_the_middle_is_counted_and_passed(tmp_path: Path) -> None:
    whole = bytearray(write_video(tmp_path / "whole.mkv", walk(60), gop=10).read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 400] = np.random.default_rng(0).bytes(400)
    (tmp_path / "a.mkv").write_bytes(whole)
    with open_video(tmp_path / "a.mkv") as reader:
        decoded = list(reader.decode())
        assert 30 < len(decoded) <= 60
        assert decoded[-1].time_s > 1.8
        assert reader.damaged or len(decoded) < 60


def test_limits_are_found_in_the_header(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", walk(30), fps=5)
    assert code_of(path, max_seconds=4.0) == "video_too_long"
    assert code_of(path, max_frames=29) == "video_too_long"
    assert code_of(path, max_pixels=320 * 240 - 1) == "video_too_large"
    assert code_of(path, min_side_px=241) == "video_too_small"
    assert facts_of(path, max_seconds=6.0, max_frames=30, max_pixels=320 * 240).frames == 30


def test_limits_hold_where_the_header_does_not_tell(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", walk(30), fps=5)  # Matroska does not count its frames
    for limits in ({"max_frames": 20}, {"max_seconds": 5.2}):
        with open_video(path, limits=VideoLimits(**limits)) as reader, pytest.raises(MaquetteError) as raised:
            list(reader.decode())
        assert raised.value.code == "video_too_long"


# A picture shown at r degrees counter-clockwise; mirrored ones are flipped left-right and then turned.
@pytest.mark.parametrize(
    ("degrees", "mirrored", "seen", "clockwise"),
    [
        (0, False, "rgb.", 0),
        (90, False, "g.rb", 270),
        (180, False, ".bgr", 180),
        (270, False, "br.g", 90),
        (0, True, "gr.b", 0),
        (180, True, "b.rg", 180),
    ],
)
@pytest.mark.parametrize("kind", ["mp4", "mov", "mkv"])
def test_the_display_matrix_turns_pixels_upright(
    tmp_path: Path, degrees: int, mirrored: bool, seen: str, clockwise: int, kind: str
) -> None:
    path = write_video(tmp_path / f"a.{kind}", [corners()] * 3, rotation=(degrees, mirrored))
    with open_video(path) as reader:
        facts = probe(reader)
        frame = next(reader.decode()).frame
    upright = turn_upright(to_srgb(frame, 160, 96), facts.orientation)
    assert corner_colours(upright) == seen
    assert (facts.orientation.clockwise_degrees, facts.orientation.mirrored) == (clockwise, mirrored)
    assert (facts.width, facts.height) == upright.shape[1::-1] == ((96, 160) if degrees % 180 else (160, 96))


def test_mirrored_quarter_turns_differ_from_each_other_and_from_turns(tmp_path: Path) -> None:
    seen = set()
    for degrees in (90, 270):
        path = write_video(tmp_path / f"{degrees}.mp4", [corners()] * 3, rotation=(degrees, True))
        with open_video(path) as reader:
            facts = probe(reader)
            upright = turn_upright(to_srgb(next(reader.decode()).frame, 160, 96), facts.orientation)
        assert facts.orientation.mirrored
        assert upright.shape == (160, 96, 3)
        seen.add(corner_colours(upright))
    assert seen == {"rbg.", ".gbr"}  # the two transpositions: reading order runs down the columns


def test_wide_pixels_become_square(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [corners()] * 3, aspect=Fraction(3, 2))
    facts = facts_of(path)
    assert (facts.width, facts.height, facts.pixel_aspect) == (240, 96, Fraction(3, 2))


def test_time_stamps_count_and_not_the_rate(tmp_path: Path) -> None:
    stamps = [0, 40, 50, 300, 1000, 1033]
    path = write_video(tmp_path / "a.mkv", walk(6), times=stamps, options={"bf": "0"})
    with open_video(path) as reader:
        assert [round(decoded.time_s * 1000) for decoded in reader.decode()] == stamps


def flat(code: float, transfer: int, primaries: int, matrix: int) -> av.VideoFrame:
    """A grey of this code value (0 to 1), 10 bits, limited range."""
    frame = av.VideoFrame(64, 64, "yuv420p10le")
    for number, plane in enumerate(frame.planes):
        value = round(64 + 876 * code) if number == 0 else 512
        plane.update(np.full((plane.height, plane.line_size // 2), value, np.uint16).tobytes())
    frame.color_trc, frame.color_primaries, frame.colorspace, frame.color_range = transfer, primaries, matrix, 1
    return frame


@pytest.mark.parametrize(("transfer", "white"), [(16, 0.5807), (18, 0.75)])
def test_reference_white_of_high_dynamic_range_is_white(transfer: int, white: float) -> None:
    # ITU-R BT.2408: reference white, 203 cd/m2, is 58 % of PQ and 75 % of HLG
    table = VideoReformatter()
    at = to_srgb(flat(white, transfer, 9, 9), 64, 64, table)[32, 32]
    below = to_srgb(flat(white * 0.75, transfer, 9, 9), 64, 64, table)[32, 32]
    assert at.min() >= 250
    assert 60 < below.max() < 200
    assert np.ptp(below) <= 2


def test_ten_bits_of_ordinary_video_keep_their_values() -> None:
    assert np.abs(to_srgb(flat(0.5, 1, 1, 1), 64, 64).astype(int) - 127).max() <= 2


def test_unnamed_colours_are_bt709_in_hd_and_bt601_below() -> None:
    for height, expected in ((720, (254, 0, 0)), (480, (232, 0, 1))):
        frame = av.VideoFrame(64, height, "yuv420p")
        for plane, value in zip(frame.planes, (63, 102, 240), strict=True):  # pure red in BT.709
            plane.update(np.full((plane.height, plane.line_size), value, np.uint8).tobytes())
        assert np.abs(to_srgb(frame, 64, height)[9, 9].astype(int) - expected).max() <= 2


def test_one_field_of_an_interlaced_frame_is_used(tmp_path: Path) -> None:
    comb = np.zeros((96, 160, 3), np.uint8)
    comb[::2] = 200  # the second field, a moment later, saw black
    path = write_video(
        tmp_path / "a.mkv", [comb] * 3, codec="mpeg2video", pix_fmt="yuv422p", options={"flags": "+ildct", "q": "1"}
    )
    with open_video(path) as reader:
        facts, frame = probe(reader), next(reader.decode()).frame
    assert facts.interlaced
    picture = to_srgb(frame, 160, 96)
    assert picture.shape == (96, 160, 3)
    assert picture.mean() > 190
    assert picture.std() < 12


def test_stills_and_videos_are_told_apart() -> None:
    for header in (b"\0\0\0\x18ftypheic", b"\0\0\0\x1cftypavif", b"RIFF\0\0\0\0WEBPVP8 "):
        assert sniff_video(header.ljust(32, b"\0")) is None
    for header, kind in (
        (b"\0\0\0\x20ftypisom", "mp4"),
        (b"\0\0\0\x14ftypqt  ", "mov"),
        (b"\0\0\0\x08wide\0\0", "mov"),
        (b"\x1a\x45\xdf\xa3\x9f", "matroska"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
    ):
        assert sniff_video(header.ljust(32, b"\0")) == kind
        assert sniff(header.ljust(32, b"\0")) is None

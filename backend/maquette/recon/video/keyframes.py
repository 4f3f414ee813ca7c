"""From a video to photos: look through it once, choose, and write the chosen frames."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from maquette.progress import Progress, silent
from maquette.recon.capture import Reason
from maquette.recon.images import Photo, write_photo
from maquette.recon.images.photo import LONG_SIDE_PX
from maquette.recon.video.choosing import choose
from maquette.recon.video.errors import CorruptVideoError
from maquette.recon.video.finding import find_frames
from maquette.recon.video.measuring import FrameMeasures, Survey, survey
from maquette.recon.video.orientation import turn_upright
from maquette.recon.video.reader import (
    Decoded,
    VideoFacts,
    VideoLimits,
    open_video,
    probe,
    square_size,
)
from maquette.recon.video.verdict import judge_video

_LIMITS = VideoLimits()
_WRITTEN = re.compile(r"frame_\d{4}\.jpg")


@dataclass(frozen=True)
class Keyframe:
    """One frame written as a photo.

    ``file``: its name in the folder, in order of time. ``time_s`` from the first frame; ``index`` in decoding order.
    ``sharpness`` and ``brightness`` as of photos. ``shift`` is how far the picture moved since the keyframe
    before, ``parallax`` the part of it that no turn on the spot explains, both in shares of its long side.
    """

    file: str
    time_s: float
    index: int
    sharpness: float
    brightness: float
    parallax: float
    shift: float


@dataclass(frozen=True)
class Keyframes:
    """What became of a video. ``reasons`` of the verdict on it as a whole, empty when it is as it should be.

    ``wanted`` frames were asked for; fewer are written where the camera hardly moved or little is sharp. ``frames``
    were decoded and ``measured`` of them measured; ``parallax`` and ``shift`` sum the whole way. ``notes`` are stable
    words for what was done: ``hdr_to_sdr``, ``interlaced``, ``mirrored``, ``pixels_not_square``, ``reduced``,
    ``rotated``, ``variable_frame_rate``.
    """

    name: str
    facts: VideoFacts
    frames: int
    measured: int
    duration_s: float
    wanted: int
    keyframes: tuple[Keyframe, ...]
    parallax: float
    shift: float
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]

    @property
    def status(self) -> Literal["ok", "warning"]:
        """As of photos."""
        return "warning" if self.reasons else "ok"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        data = asdict(self)
        data["facts"]["pixel_aspect"] = float(self.facts.pixel_aspect)
        return {"status": self.status, **data}


def choose_keyframes(
    path: Path,
    out_dir: Path,
    count: int,
    *,
    name: str | None = None,
    max_frames: int = _LIMITS.max_frames,
    max_seconds: float = _LIMITS.max_seconds,
    max_pixels: int = _LIMITS.max_pixels,
    long_side_px: int | None = LONG_SIDE_PX,
    progress: Progress = silent,
) -> Keyframes:
    """Write at most ``count`` sharp, well-spread frames as upright ``frame_0001.jpg`` and on (quality 95) in sRGB.

    ``name``: how the user knows the file. ``long_side_px`` reduces larger frames; None keeps their size. Frames of
    an earlier call in ``out_dir`` are removed first. Stages: ``measuring``, ``writing``. The same file and arguments
    give the same frames.

    Raises what :func:`.open_video` raises; whatever ``progress`` raises ends the work.
    """
    if count < 1:
        raise ValueError(f"at least one keyframe must be wanted, not {count}")
    limits = VideoLimits(max_frames=max_frames, max_seconds=max_seconds, max_pixels=max_pixels)
    with open_video(path, name=name, limits=limits) as reader:
        facts = probe(reader)
        seen = survey(reader, facts, count, progress)
        if not seen.measured:
            raise CorruptVideoError(reader.name)
        chosen = [seen.measured[i] for i in choose(seen.measured, count)]
        out_dir.mkdir(parents=True, exist_ok=True)
        for stale in out_dir.iterdir():
            if _WRITTEN.fullmatch(stale.name):
                stale.unlink()
        for number, decoded in enumerate(find_frames(reader, seen.key_pts, chosen), start=1):
            _write(decoded, facts, reader.name, out_dir / _file_name(number), long_side_px)
            progress("writing", number / len(chosen), f"frame {number} of {len(chosen)}")
        return Keyframes(
            name=reader.name,
            facts=facts,
            frames=seen.frames,
            measured=len(seen.measured),
            duration_s=round(seen.duration_s, 3),
            wanted=count,
            keyframes=tuple(_described(chosen)),
            parallax=round(seen.measured[-1].motion.parallax, 4),
            shift=round(seen.measured[-1].motion.shift, 4),
            reasons=judge_video(facts, seen, chosen),
            notes=_notes(facts, seen, long_side_px),
        )


def _write(decoded: Decoded, facts: VideoFacts, name: str, path: Path, long_side_px: int | None) -> None:
    """One frame with square pixels, upright, reduced, and nothing but its pixels."""
    frame = decoded.frame
    width, height = square_size(frame.width, frame.height, facts.pixel_aspect)
    scale = min(1.0, long_side_px / max(width, height)) if long_side_px else 1.0
    pixels = decoded.to_srgb(max(1, round(width * scale)), max(1, round(height * scale)))
    upright = turn_upright(pixels, facts.orientation)
    write_photo(
        Photo(
            name=name,
            pixels=upright,
            alpha=None,
            original_width=facts.width,
            original_height=facts.height,
            focal_px=None,
            camera_model=None,
            format="jpeg",
        ),
        path,
    )


def _described(chosen: Sequence[FrameMeasures]) -> Iterator[Keyframe]:
    before = chosen[0].motion
    for number, frame in enumerate(chosen, start=1):
        yield Keyframe(
            file=_file_name(number),
            time_s=round(frame.time_s, 4),
            index=frame.index,
            sharpness=frame.sharpness,
            brightness=frame.brightness,
            parallax=round(abs(frame.motion.parallax - before.parallax), 4),
            shift=round(abs(frame.motion.shift - before.shift), 4),
        )
        before = frame.motion


def _notes(facts: VideoFacts, seen: Survey, long_side_px: int | None) -> tuple[str, ...]:
    done = {
        "hdr_to_sdr": facts.transfer != "sdr",
        "interlaced": facts.interlaced,
        "mirrored": facts.orientation.mirrored,
        "pixels_not_square": facts.pixel_aspect != 1,
        "reduced": long_side_px is not None and max(facts.width, facts.height) > long_side_px,
        "rotated": facts.orientation.clockwise_degrees != 0,
        "variable_frame_rate": not seen.even,
    }
    return tuple(note for note, was_done in done.items() if was_done)


def _file_name(number: int) -> str:
    return f"frame_{number:04d}.jpg"

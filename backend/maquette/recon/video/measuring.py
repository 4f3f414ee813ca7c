"""The first pass: every sampled frame measured at a small size and forgotten; only numbers stay."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maquette.progress import Progress
from maquette.recon.capture import SHARPNESS_LONG_SIDE_PX, sharpness
from maquette.recon.video.motion import TRACKING_LONG_SIDE_PX, Motion, Tracker
from maquette.recon.video.reader import Decoded, VideoFacts, VideoReader

_LEAST_PER_SECOND = 8.0
"""Slower sampling loses the corners of a walking camera, and with them its motion."""
_CANDIDATES = 12
"""Frames measured for each keyframe wanted, so that a sharp one is among them, where the video has so many."""


@dataclass(frozen=True)
class FrameMeasures:
    """One sampled frame. ``index`` and ``pts`` find it again; ``time_s`` from the first frame; ``sharpness`` as of
    photos (:mod:`maquette.recon.capture`); ``brightness``: mean grey, 0-255; ``motion``: the way come so far.
    """

    index: int
    pts: int | None
    time_s: float
    sharpness: float
    brightness: float
    motion: Motion


@dataclass(frozen=True)
class Survey:
    """What the first pass saw. ``frames`` were decoded, ``measured`` is the sampled part of them.

    ``key_pts``: time stamps of the frames where decoding can begin, empty where seeking is not safe (time stamps
    missing or not rising). ``damaged``: packets and frames that could not be decoded. ``even``: frames are equally
    far apart in time.
    """

    measured: tuple[FrameMeasures, ...]
    frames: int
    duration_s: float
    key_pts: tuple[int, ...]
    damaged: int
    even: bool


def survey(reader: VideoReader, facts: VideoFacts, count: int, progress: Progress) -> Survey:
    """Measure the frames of a video, of which ``count`` will be chosen; stage ``measuring``.

    Memory does not grow with pictures: some 300 bytes a frame measured, and one picture at a time.
    """
    step_s = _step_s(facts, count)
    tracker = Tracker()
    measured: list[FrameMeasures] = []
    key_pts: list[int] = []
    frames, last_s, last_pts, next_s, rising = 0, 0.0, None, 0.0, True
    shortest_s, longest_s = float("inf"), 0.0
    for decoded in reader.decode():
        if frames:
            shortest_s = min(shortest_s, decoded.time_s - last_s)
            longest_s = max(longest_s, decoded.time_s - last_s)
        rising = rising and decoded.pts is not None and (last_pts is None or decoded.pts > last_pts)
        frames, last_s, last_pts = frames + 1, decoded.time_s, decoded.pts
        if decoded.frame.key_frame and decoded.pts is not None:
            key_pts.append(decoded.pts)
        if decoded.time_s + 1e-6 < next_s:
            continue
        next_s = decoded.time_s + step_s
        measured.append(measure_frame(decoded, tracker))
        progress("measuring", _fraction(decoded, facts), f"{decoded.time_s:.0f} s of the video looked at")
    progress("measuring", 1.0, f"{frames} frames looked at, {len(measured)} of them measured")
    return Survey(
        measured=tuple(measured),
        frames=frames,
        duration_s=last_s + (1.0 / facts.fps if facts.fps and frames else 0.0),
        key_pts=tuple(key_pts) if rising else (),
        damaged=reader.damaged,
        even=longest_s <= 1.5 * shortest_s,
    )


def measure_frame(decoded: Decoded, tracker: Tracker) -> FrameMeasures:
    """One picture, at 1000 px for its sharpness and at 480 px for its motion."""
    grey = small_grey(decoded, SHARPNESS_LONG_SIDE_PX)
    scale = min(1.0, TRACKING_LONG_SIDE_PX / max(grey.shape))
    tracked = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return FrameMeasures(
        index=decoded.index,
        pts=decoded.pts,
        time_s=decoded.time_s,
        sharpness=sharpness(grey),
        brightness=round(float(grey.mean()), 2),
        motion=tracker.follow(tracked),
    )


def small_grey(decoded: Decoded, long_side_px: int) -> UInt8[ndarray, "h w"]:
    """The stored picture in grey, its long side at most this. Turning it would change none of its measures."""
    frame = decoded.frame
    scale = min(1.0, long_side_px / max(frame.width, frame.height))
    pixels = decoded.to_srgb(max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _step_s(facts: VideoFacts, count: int) -> float:
    """Seconds between two measured frames; 0 measures every frame."""
    if facts.duration_s is None:
        return 1.0 / _LEAST_PER_SECOND
    per_second = max(_LEAST_PER_SECOND, _CANDIDATES * count / facts.duration_s)
    # Half a frame less, so that rounded time stamps do not make every second frame wait for one more.
    return max(0.0, 1.0 / per_second - 0.5 / (facts.fps or 30.0))


def _fraction(decoded: Decoded, facts: VideoFacts) -> float:
    if facts.duration_s:
        return min(1.0, decoded.time_s / facts.duration_s)
    return min(1.0, decoded.index / facts.frames) if facts.frames else 0.0

"""What is wrong with a video as a whole, each finding with the one thing to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from maquette.recon.capture import BRIGHT_MEAN, DARK_MEAN, LOW_RESOLUTION_PX, Reason
from maquette.recon.video.choosing import blurred
from maquette.recon.video.measuring import FrameMeasures, Survey
from maquette.recon.video.reader import VideoFacts

SHORT_S = 3.0
FEW_KEYFRAMES = 12
BLURRED_SHARE = 0.5
STILL_WAY = 0.05
"""Parallax and shift over the whole video (shares of the long side) below which the camera stood still."""
TURNED_PARALLAX, TURNED_RATIO = 0.03, 0.06
"""Only turned: parallax below either of these, the second being parallax by shift. Lenses bend a pure turn by up to
2 %; a walk around a subject gives 20 % and more."""
FAST_SHIFT, FAST_SHARE = 0.35, 0.25
"""Moves too fast: more than this share of neighbouring keyframes lie further apart than this share of the picture, or
in more than ``LOST_SHARE`` of the steps, and more than a moment's blur explains, nothing could be followed."""
LOST_SHARE, LOST_AT_LEAST = 0.05, 3
ADRIFT_SHARE = 0.25
"""Share of frames with nothing to follow from which the motion is unknown."""
MISSING_SHARE, MISSING_S = 0.05, 1.0
"""Frames or seconds short of what the file announces, from which it is cut off; sound may last a little longer."""

SLOWLY = "Walk slowly around the subject, 20 to 60 seconds for one round, with the whole of it in view."

COPY = "Copy the original from the camera again; what could be read is used."


def judge_video(facts: VideoFacts, seen: Survey, chosen: Sequence[FrameMeasures]) -> tuple[Reason, ...]:
    """Every finding, the gravest first. Empty: the video is as it should be."""
    return (*_of_the_file(facts, seen), *_of_the_motion(seen, chosen), *_of_the_pictures(facts, seen, chosen))


def _of_the_file(facts: VideoFacts, seen: Survey) -> Iterator[Reason]:
    missing_s = (facts.duration_s or 0.0) - seen.duration_s
    if facts.frames and seen.frames < (1 - MISSING_SHARE) * facts.frames:
        yield Reason("cut_off", f"Only {seen.frames} of the {facts.frames} announced frames could be decoded.", COPY)
    elif missing_s > max(MISSING_S, MISSING_SHARE * (facts.duration_s or 0.0)):
        found = f"Only {seen.duration_s:.1f} of the {facts.duration_s:.1f} announced seconds could be decoded."
        yield Reason("cut_off", found, COPY)
    elif seen.damaged:
        yield Reason(
            "damaged",
            f"{seen.damaged} pieces of the video are damaged and were left out.",
            COPY,
        )
    if seen.duration_s < SHORT_S:
        yield Reason("too_short", f"The video lasts only {seen.duration_s:.1f} seconds.", SLOWLY)


def _of_the_motion(seen: Survey, chosen: Sequence[FrameMeasures]) -> Iterator[Reason]:
    breaks = [frame.motion.continuity for frame in seen.measured]
    adrift = breaks.count("featureless") / max(len(breaks), 1)
    cuts, losses = breaks.count("cut"), breaks.count("lost")
    last = seen.measured[-1].motion
    if adrift > ADRIFT_SHARE:
        yield Reason(
            "featureless",
            f"In {adrift:.0%} of the frames there is nothing to follow the camera's motion by.",
            "Leave textured things in view, or put a patterned cloth or newspaper under the subject.",
        )
    elif max(_reach(seen, "parallax"), _reach(seen, "shift")) < STILL_WAY:
        yield Reason("camera_stood_still", "The camera hardly moves: every frame shows the same view.", SLOWLY)
    elif last.parallax < max(TURNED_PARALLAX, TURNED_RATIO * last.shift):
        yield Reason(
            "camera_only_turned",
            "The camera turns on the spot: nothing shifts against anything behind it, so there is no depth to find.",
            "Walk around the subject instead of turning: take a step to the side for every step you turn.",
        )
    gaps = np.diff([frame.motion.shift for frame in chosen])
    lost_often = losses >= max(LOST_AT_LEAST, LOST_SHARE * len(breaks))
    if lost_often or (len(gaps) and float(np.mean(gaps > FAST_SHIFT)) > FAST_SHARE):
        yield Reason(
            "moves_too_fast",
            "The camera moves too fast: neighbouring frames show too little of the same.",
            SLOWLY,
        )
    if cuts:
        yield Reason(
            "scene_cuts",
            f"The picture jumps to another view {cuts} {'time' if cuts == 1 else 'times'}: a cut, or a sudden move.",
            "Send one take without cuts; frames that cannot be connected are left out.",
        )


def _of_the_pictures(facts: VideoFacts, seen: Survey, chosen: Sequence[FrameMeasures]) -> Iterator[Reason]:
    share = float(blurred(seen.measured).mean())
    if share > BLURRED_SHARE:
        yield Reason(
            "mostly_blurred",
            f"{share:.0%} of the frames are blurred.",
            "Move slower, with more light, and keep the subject in focus.",
        )
    brightness = float(np.median([frame.brightness for frame in seen.measured]))
    if brightness < DARK_MEAN or brightness > BRIGHT_MEAN:
        dark = brightness < DARK_MEAN
        yield Reason(
            "too_dark" if dark else "too_bright",
            f"The video is very {'dark' if dark else 'bright'} (middle brightness {brightness:.0f} of 255).",
            "Film it with more light." if dark else "Lock the exposure on the subject and film it again.",
        )
    if max(facts.width, facts.height) < LOW_RESOLUTION_PX:
        yield Reason(
            "low_resolution",
            f"The video has only {facts.width} x {facts.height} pixels.",
            f"Send the original; {LOW_RESOLUTION_PX} pixels on the long side is the least that works well.",
        )
    if len(chosen) < FEW_KEYFRAMES:
        yield Reason(
            "few_keyframes",
            f"Only {len(chosen)} frames are sharp and different enough to be used.",
            SLOWLY,
        )


def _reach(seen: Survey, kind: str) -> float:
    return max(float(getattr(frame.motion, kind)) for frame in seen.measured)

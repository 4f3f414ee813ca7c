"""Videos as users send them: hostile files decoded safely, and the few frames of them that make good photos.

:func:`choose_keyframes` is the door. Two passes over the file with constant memory: every sampled frame is measured
and forgotten (:mod:`.measuring`, :mod:`.motion`), some are chosen (:mod:`.choosing`), and only those are decoded
again at full size (:mod:`.finding`).
"""

from maquette.recon.video.errors import (
    CorruptVideoError,
    NotAVideoError,
    NoVideoStreamError,
    UnsupportedVideoError,
    VideoTooLargeError,
    VideoTooLongError,
    VideoTooSmallError,
)
from maquette.recon.video.keyframes import Keyframe, Keyframes, choose_keyframes
from maquette.recon.video.reader import VideoFacts, VideoLimits, open_video, probe

__all__ = [
    "CorruptVideoError",
    "Keyframe",
    "Keyframes",
    "NoVideoStreamError",
    "NotAVideoError",
    "UnsupportedVideoError",
    "VideoFacts",
    "VideoLimits",
    "VideoTooLargeError",
    "VideoTooLongError",
    "VideoTooSmallError",
    "choose_keyframes",
    "open_video",
    "probe",
]

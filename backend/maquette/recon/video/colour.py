"""A decoded frame to 8-bit sRGB with square pixels, whatever the camera recorded.

Ordinary (BT.709, BT.601) video keeps its code values: every player shows them as sRGB. High dynamic range (PQ, HLG)
and wide primaries (BT.2020, P3) are converted by libswscale: reference white (203 cd/m², ITU-R BT.2408) becomes 255
and what is brighter is clipped, because a clipped lamp is clipped in every frame, while a tone curve that follows the
scene would make frames disagree.
"""

from __future__ import annotations

from typing import Literal

import av
import cv2
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter
from jaxtyping import UInt8
from numpy import ndarray

Transfer = Literal["sdr", "pq", "hlg"]

_UNSPECIFIED = 2
_HD_LINES = 720
"""Frames of this many lines are BT.709 where they do not say what they are, smaller ones BT.601, as players assume."""

_SDR_PRIMARIES = {
    ColorPrimaries.BT709,
    ColorPrimaries.UNSPECIFIED,
    ColorPrimaries.BT470BG,
    ColorPrimaries.SMPTE170M,
    ColorPrimaries.SMPTE240M,
}
_INTERPOLATION = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


def transfer_of(frame: av.VideoFrame) -> Transfer:
    """Which curve the code values follow."""
    if frame.color_trc == ColorTrc.SMPTE2084:
        return "pq"
    return "hlg" if frame.color_trc == ColorTrc.ARIB_STD_B67 else "sdr"


def to_srgb(
    frame: av.VideoFrame, width: int, height: int, reformatter: VideoReformatter | None = None
) -> UInt8[ndarray, "h w 3"]:
    """The frame's stored picture, not yet upright, at this size; of interlaced frames one field, made whole.

    ``reformatter``: one kept for frames of a kind and this size. High dynamic range goes through a table that takes
    seconds to make.

    The two fields of an interlaced frame were seen at different moments: together they show combs on everything that
    moves, and a moving camera moves everything.
    """
    wide = transfer_of(frame) != "sdr" or frame.color_primaries not in _SDR_PRIMARIES
    size = (frame.width, frame.height) if frame.interlaced_frame else (width, height)
    pixels = (
        (reformatter or VideoReformatter())
        .reformat(
            frame,
            width=size[0],
            height=size[1],
            format="rgb24",
            interpolation=_INTERPOLATION,
            src_colorspace=_matrix(frame),
            src_color_range=ColorRange.JPEG if _full_range(frame) else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            dst_color_trc=ColorTrc.IEC61966_2_1 if wide else None,
            dst_color_primaries=ColorPrimaries.BT709 if wide else None,
        )
        .to_ndarray()
    )
    if frame.interlaced_frame:
        interpolation = cv2.INTER_AREA if height <= frame.height // 2 and width <= frame.width else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(pixels[::2], (width, height), interpolation=interpolation), dtype=np.uint8)
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def _matrix(frame: av.VideoFrame) -> int | None:
    if frame.colorspace != _UNSPECIFIED or frame.format.is_rgb:
        return None
    return int(Colorspace.ITU709 if frame.height >= _HD_LINES else Colorspace.ITU601)


def _full_range(frame: av.VideoFrame) -> bool:
    return frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj") or frame.format.is_rgb

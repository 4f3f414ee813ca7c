"""Pictures as a film that every browser plays: H.264 in MP4 where PyAV has it, else VP9 in WebM."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.codec.codec import UnknownCodecError
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8
from numpy import ndarray

from maquette.recon.atomic import replacing
from maquette.recon.previews.errors import BadVideoSizeError, NothingToShowError, VideoEncoderMissingError


@dataclass(frozen=True)
class Encoder:
    """One way to write a film: PyAV's name of the codec, the container, and options of both."""

    codec: str
    extension: str
    mime: str
    options: dict[str, str]
    container_options: dict[str, str]


ENCODERS = (
    # The index in front, so that a browser begins before it has the whole file.
    Encoder("libx264", ".mp4", "video/mp4", {"crf": "21", "preset": "medium"}, {"movflags": "+faststart"}),
    Encoder("libvpx-vp9", ".webm", "video/webm", {"crf": "32", "b": "0", "cpu-used": "4"}, {}),
)
"""The first that is there is taken."""
_THREADS = 2
_BT709 = 1


def encoder() -> Encoder:
    """The best one of this machine. Raises :class:`VideoEncoderMissingError`."""
    for one in ENCODERS:
        try:
            av.codec.Codec(one.codec, "w")
        except UnknownCodecError:
            continue
        return one
    raise VideoEncoderMissingError([one.codec for one in ENCODERS])


def write_film(
    frames: Iterable[UInt8[ndarray, "h w 3"]], path: Path, *, fps: int, using: Encoder | None = None
) -> Path:
    """Encode sRGB ``frames``, one at a time, as ``path`` with the encoder's own extension; answers where it is.

    8 bit 4:2:0, BT.709 and tagged so, whole or not at all. Both sides must be even and all frames of one size, else
    ``bad_video_size``; no frame at all is ``nothing_to_show``.
    """
    using = using or encoder()
    path = path.with_suffix(using.extension)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The muxer moves its index by reading its own file again, so it needs one with a name.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        made = Path(folder) / path.name
        _encode(frames, made, fps, using)
        with replacing(path) as file, made.open("rb") as source:
            shutil.copyfileobj(source, file)
    return path


def _encode(frames: Iterable[UInt8[ndarray, "h w 3"]], path: Path, fps: int, using: Encoder) -> None:
    size: tuple[int, ...] | None = None
    reformatter = VideoReformatter()
    with av.open(str(path), "w", container_options=using.container_options) as container:
        stream = cast(VideoStream, container.add_stream(using.codec, rate=Fraction(fps), options=using.options))
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.thread_count = _THREADS
        context.colorspace, context.color_primaries, context.color_trc = _BT709, _BT709, _BT709
        context.color_range = ColorRange.MPEG
        for picture in frames:
            if size is None:
                size = picture.shape
                stream.height, stream.width = picture.shape[:2]
            if picture.shape != size or picture.shape[0] % 2 or picture.shape[1] % 2:
                raise BadVideoSizeError(
                    f"A picture of {picture.shape[1]} x {picture.shape[0]} pixels does not fit into the film.",
                    suggestion="Give pictures of one size with even sides.",
                )
            frame = reformatter.reformat(
                av.VideoFrame.from_ndarray(picture, format="rgb24"),
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
            )
            container.mux(stream.encode(frame))
        if size is None:
            raise NothingToShowError
        container.mux(stream.encode())

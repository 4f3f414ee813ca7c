"""An open video: frames one after the other, whatever is broken in between, never more than a few in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from jaxtyping import UInt8
from numpy import ndarray

from maquette.recon.images import EmptyFileError
from maquette.recon.images.sniff import HEADER_BYTES, sniff_video
from maquette.recon.video.colour import Transfer, to_srgb, transfer_of
from maquette.recon.video.errors import (
    CorruptVideoError,
    NotAVideoError,
    NoVideoStreamError,
    UnsupportedVideoError,
    VideoTooLargeError,
    VideoTooLongError,
    VideoTooSmallError,
)
from maquette.recon.video.orientation import Orientation, orientation_of

_DEMUXERS = {"mp4": "mov", "mov": "mov", "matroska": "matroska", "avi": "avi"}
_THREADS = 4
"""Decoding threads; each holds a frame, and more gain little beside measuring."""
_FALLBACK_FPS = 30


@dataclass(frozen=True)
class VideoLimits:
    """Most that is read of one video."""

    max_frames: int = 36_000
    max_seconds: float = 600.0
    max_pixels: int = 36_000_000
    """Of one frame, width times height; 8K has 33 million."""
    min_side_px: int = 64


@dataclass(frozen=True)
class VideoFacts:
    """What the file says of itself before anything is measured.

    ``container``: ``mp4 mov matroska avi``. ``width`` and ``height``: upright, with square pixels, in px.
    ``duration_s``, ``fps`` and ``frames`` are None where the file does not tell. ``transfer``: ``pq`` and ``hlg`` are
    high dynamic range; ``bits`` of one colour channel; ``pixel_aspect``: width of a stored pixel by its height.
    """

    container: str
    codec: str
    width: int
    height: int
    orientation: Orientation
    duration_s: float | None
    fps: float | None
    frames: int | None
    transfer: Transfer
    bits: int
    interlaced: bool
    pixel_aspect: Fraction


@dataclass(frozen=True, eq=False)
class Decoded:
    """One frame: its number in decoding order from the start, its time from the first frame, its own time stamp."""

    index: int
    time_s: float
    pts: int | None
    frame: av.VideoFrame
    reformatters: dict[tuple[int, int], VideoReformatter]

    def to_srgb(self, width: int, height: int) -> UInt8[ndarray, "h w 3"]:
        """The stored picture at this size, not yet upright: :func:`maquette.recon.video.colour.to_srgb`."""
        return to_srgb(self.frame, width, height, self.reformatters.setdefault((width, height), VideoReformatter()))


@dataclass(eq=False)
class VideoReader:
    """A held file. ``damaged`` counts packets and frames that could not be decoded, so far."""

    name: str
    limits: VideoLimits
    container: InputContainer
    stream: VideoStream
    kind: str
    damaged: int = 0
    _first_pts: int | None = None
    _reformatters: dict[tuple[int, int], VideoReformatter] = field(default_factory=dict)

    def decode(self, *, from_pts: int | None = None) -> Iterator[Decoded]:
        """Frames from the start, or from the key frame at this time stamp (then numbered from 0 there).

        Frames that the decoder calls corrupt are left out. Ends without an error where the file breaks off.
        Raises :class:`VideoTooLongError` or :class:`VideoTooLargeError` where a header has lied, and
        :class:`CorruptVideoError` where nothing can be found in the file.
        """
        try:
            self.container.seek(from_pts if from_pts is not None else self._start(), stream=self.stream)
        except FFmpegError as error:
            raise CorruptVideoError(self.name) from error
        index, time_s = -1, 0.0
        for frame in self._frames():
            index += 1
            if frame.is_corrupt:
                self.damaged += 1
                continue
            self._check_frame(frame, index)
            time_s = self._time_s(frame, index, time_s)
            if time_s > self.limits.max_seconds:
                raise self._too_long(f"more than {self.limits.max_seconds:.0f} seconds")
            yield Decoded(index, time_s, frame.pts, frame, self._reformatters)

    def _frames(self) -> Iterator[av.VideoFrame]:
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError:  # the container breaks off here; what came before stays good
                self.damaged += 1
                packet = None
            if packet is None:
                break
            try:
                yield from packet.decode()
            except FFmpegError:
                self.damaged += 1

    def _time_s(self, frame: av.VideoFrame, index: int, before_s: float) -> float:
        """From the first frame on, never backwards; counted where there are no time stamps."""
        if frame.pts is None or not self.stream.time_base:
            return max(before_s, index / (_rate(self.stream) or _FALLBACK_FPS))
        if self._first_pts is None:
            self._first_pts = frame.pts
        return max(before_s, float((frame.pts - self._first_pts) * self.stream.time_base))

    def _check_frame(self, frame: av.VideoFrame, index: int) -> None:
        if frame.width * frame.height > self.limits.max_pixels:
            raise VideoTooLargeError(self.name, frame.width, frame.height, self.limits.max_pixels)
        if index >= self.limits.max_frames:
            raise self._too_long(f"more than {self.limits.max_frames} frames")

    def _too_long(self, found: str) -> VideoTooLongError:
        return VideoTooLongError(self.name, found, self.limits.max_seconds, self.limits.max_frames)

    def _start(self) -> int:
        return self.stream.start_time or 0


@contextlib.contextmanager
def open_video(path: Path, *, name: str | None = None, limits: VideoLimits | None = None) -> Iterator[VideoReader]:
    """Open a file by its content, whatever it is called.

    Raises :class:`EmptyFileError`, :class:`NotAVideoError`, :class:`NoVideoStreamError`,
    :class:`UnsupportedVideoError`, :class:`CorruptVideoError`, :class:`VideoTooLongError`,
    :class:`VideoTooLargeError` or :class:`VideoTooSmallError`.
    """
    name, limits = name or path.name, limits or VideoLimits()
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    if not header:
        raise EmptyFileError(name)
    kind = sniff_video(header)
    if kind is None:
        raise NotAVideoError(name)
    with contextlib.ExitStack() as held:
        try:
            # The demuxer is named and only files may be opened: a playlist must not make us read other addresses.
            container = held.enter_context(
                av.open(
                    str(path.resolve()),
                    "r",
                    format=_DEMUXERS[kind],
                    container_options={"protocol_whitelist": "file"},
                    metadata_errors="replace",
                )
            )
        except FFmpegError as error:
            raise CorruptVideoError(name) from error
        stream = _picture_stream(container, name)
        reader = VideoReader(name, limits, container, stream, kind)
        _check_header(reader)
        yield reader


def probe(reader: VideoReader) -> VideoFacts:
    """Facts from the header and the first frame. Raises :class:`CorruptVideoError` where no frame can be decoded."""
    first = next(reader.decode(), None)
    reader.damaged = 0
    if first is None:
        raise CorruptVideoError(reader.name)
    frame, stream = first.frame, reader.stream
    orientation = orientation_of(frame)
    aspect = _pixel_aspect(stream)
    stored = square_size(frame.width, frame.height, aspect)
    return VideoFacts(
        container=reader.kind,
        codec=stream.codec_context.name,
        width=stored[1] if orientation.transposed else stored[0],
        height=stored[0] if orientation.transposed else stored[1],
        orientation=orientation,
        duration_s=_duration_s(reader),
        fps=_rate(stream),
        frames=stream.frames or None,
        transfer=transfer_of(frame),
        bits=max((component.bits for component in frame.format.components), default=8),
        interlaced=frame.interlaced_frame,
        pixel_aspect=aspect,
    )


def square_size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Size with square pixels of a stored picture whose pixels are ``aspect`` times as wide as high.

    The stretched side grows, so that nothing recorded is lost.
    """
    if aspect >= 1:
        return max(1, round(width * aspect)), height
    return width, max(1, round(height / aspect))


def _picture_stream(container: InputContainer, name: str) -> VideoStream:
    """The file's main moving picture; covers of sound recordings are none."""
    cover = av.stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not streams:
        raise NoVideoStreamError(name)
    best = container.streams.best("video")
    stream = next((stream for stream in streams if best is not None and stream.index == best.index), streams[0])
    if stream.codec_context is None:
        raise UnsupportedVideoError(name, "an unknown codec")
    stream.thread_type = "AUTO"
    stream.thread_count = _THREADS
    return stream


def _check_header(reader: VideoReader) -> None:
    """What the header announces, before memory for a single frame is asked for."""
    name, limits, width, height = reader.name, reader.limits, reader.stream.width, reader.stream.height
    reader.stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
    if width * height > limits.max_pixels:
        raise VideoTooLargeError(name, width, height, limits.max_pixels)
    if width and height and min(width, height) < limits.min_side_px:
        raise VideoTooSmallError(name, width, height, limits.min_side_px)
    seconds, frames = _duration_s(reader), reader.stream.frames
    if seconds is not None and seconds > limits.max_seconds + 1:
        raise reader._too_long(f"{seconds:.0f} seconds")
    if frames > limits.max_frames:
        raise reader._too_long(f"{frames} frames")


def _duration_s(reader: VideoReader) -> float | None:
    stream, container = reader.stream, reader.container
    if stream.duration and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    else:
        seconds = (container.duration or 0) / av.time_base
    return seconds if seconds > 0 else None


def _pixel_aspect(stream: VideoStream) -> Fraction:
    """1 where the file does not tell, and where it tells the absurd."""
    aspect = stream.sample_aspect_ratio
    return aspect if aspect and Fraction(1, 4) <= aspect <= 4 else Fraction(1)


def _rate(stream: VideoStream) -> float | None:
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate and 0 < rate <= 1000 else None

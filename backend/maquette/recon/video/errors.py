"""What can be wrong with a video as a file, one stable code each."""

from __future__ import annotations

from maquette.errors import BadInputError, TooLargeError

SUPPORTED = "MP4, MOV, AVI, MKV or WEBM"


class NotAVideoError(BadInputError):
    """The bytes are no video container that is read."""

    code = "not_a_video"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name}' is not a video.",
            suggestion=f"Send {SUPPORTED}; the name does not matter.",
            file=name,
        )


class NoVideoStreamError(BadInputError):
    """A container without moving pictures, such as a sound recording."""

    code = "no_video_stream"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name}' holds no pictures, only sound or other data.",
            suggestion="Send the video itself, not its sound track.",
            file=name,
        )


class UnsupportedVideoError(BadInputError):
    """A video of a kind that cannot be decoded here."""

    code = "video_format_unsupported"

    def __init__(self, name: str, codec: str) -> None:
        super().__init__(
            f"'{name}' is encoded as {codec}, which is not supported.",
            suggestion="Export it again as H.264 in an MP4 file.",
            file=name,
            codec=codec,
        )


class CorruptVideoError(BadInputError):
    """The file begins like a video, but no frame of it can be decoded."""

    code = "video_corrupt"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name}' is damaged or cut off: no frame of it can be decoded.",
            suggestion="Copy the original from the camera again; a recording that was broken off has no index and "
            "must be repaired first.",
            file=name,
        )


class VideoTooLongError(TooLargeError):
    """More seconds or more frames than are looked through."""

    code = "video_too_long"

    def __init__(self, name: str, found: str, max_seconds: float, max_frames: int) -> None:
        super().__init__(
            f"'{name}' has {found}; at most {max_seconds:.0f} seconds and {max_frames} frames are read.",
            suggestion="Cut out the part that goes around the subject; 20 to 60 seconds are enough.",
            file=name,
            max_seconds=max_seconds,
            max_frames=max_frames,
        )


class VideoTooLargeError(TooLargeError):
    """More pixels a frame than allowed; found in the header, before anything is decoded."""

    code = "video_too_large"

    def __init__(self, name: str, width: int, height: int, max_pixels: int) -> None:
        super().__init__(
            f"'{name}' has {width} x {height} pixels a frame; at most {max_pixels / 1e6:.1f} megapixels are read.",
            suggestion="Export it smaller; 1920 x 1080 is enough.",
            file=name,
            width=width,
            height=height,
            max_pixels=max_pixels,
        )


class VideoTooSmallError(BadInputError):
    """Too few pixels to find anything in."""

    code = "video_too_small"

    def __init__(self, name: str, width: int, height: int, min_side: int) -> None:
        super().__init__(
            f"'{name}' has only {width} x {height} pixels; at least {min_side} on each side are needed.",
            suggestion="Send the original video, not a preview.",
            file=name,
            width=width,
            height=height,
            min_side=min_side,
        )

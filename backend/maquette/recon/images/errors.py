"""What can be wrong with one image file, one stable code each."""

from __future__ import annotations

from maquette.errors import BadInputError, TooLargeError

SUPPORTED = "JPEG, PNG, WEBP, TIFF or HEIC"


class EmptyFileError(BadInputError):
    """The file holds no bytes."""

    code = "empty_file"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name}' is empty (0 bytes).",
            suggestion="Send the file again; the copy was cut off.",
            file=name,
        )


class NotAnImageError(BadInputError):
    """The bytes are no image of any kind we know."""

    code = "not_an_image"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name}' is not an image.",
            suggestion=f"Send {SUPPORTED} photos; the name does not matter.",
            file=name,
        )


class UnsupportedImageError(BadInputError):
    """An image, but of a kind that is not read."""

    code = "image_format_unsupported"

    def __init__(self, name: str, kind: str) -> None:
        super().__init__(
            f"'{name}' is {kind}, which is not supported.",
            suggestion=f"Save it as {SUPPORTED} with 8 or 16 bits a channel.",
            file=name,
            kind=kind,
        )


class TruncatedImageError(BadInputError):
    """The file ends before the picture does."""

    code = "truncated_image"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name}' is cut off: the file ends before the picture does.",
            suggestion="Copy the original from the camera again and send that.",
            file=name,
        )


class CorruptImageError(BadInputError):
    """The file begins like an image but cannot be decoded."""

    code = "image_corrupt"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name}' is damaged and cannot be decoded.",
            suggestion="Open it in an image viewer; if it shows, save it again as JPEG or PNG.",
            file=name,
        )


class ImageTooLargeError(TooLargeError):
    """More pixels than allowed; found in the header, before anything is decoded."""

    code = "image_too_large"

    def __init__(self, name: str, width: int, height: int, max_pixels: int) -> None:
        super().__init__(
            f"'{name}' has {width} x {height} pixels; at most {max_pixels / 1e6:.0f} megapixels are read.",
            suggestion="Scale the photo down; 1600 pixels on the long side are enough.",
            file=name,
            width=width,
            height=height,
            max_pixels=max_pixels,
        )


class ImageTooSmallError(BadInputError):
    """Too few pixels to find anything in."""

    code = "image_too_small"

    def __init__(self, name: str, width: int, height: int, min_side: int) -> None:
        super().__init__(
            f"'{name}' has only {width} x {height} pixels; at least {min_side} on each side are needed.",
            suggestion="Send the original photo, not a thumbnail.",
            file=name,
            width=width,
            height=height,
            min_side=min_side,
        )

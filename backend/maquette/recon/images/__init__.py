"""Photos as users send them: hostile files decoded safely, upright, in sRGB, without their EXIF."""

from maquette.recon.images.errors import (
    CorruptImageError,
    EmptyFileError,
    ImageTooLargeError,
    ImageTooSmallError,
    NotAnImageError,
    TruncatedImageError,
    UnsupportedImageError,
)
from maquette.recon.images.photo import MAX_PIXELS, Photo, read_photo, write_photo

__all__ = [
    "MAX_PIXELS",
    "CorruptImageError",
    "EmptyFileError",
    "ImageTooLargeError",
    "ImageTooSmallError",
    "NotAnImageError",
    "Photo",
    "TruncatedImageError",
    "UnsupportedImageError",
    "read_photo",
    "write_photo",
]

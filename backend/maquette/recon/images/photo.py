"""Read one user photo into upright 8-bit sRGB pixels, and write pixels without anything else."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image, ImageCms

from maquette.recon.atomic import replacing
from maquette.recon.images.errors import (
    CorruptImageError,
    EmptyFileError,
    ImageTooLargeError,
    ImageTooSmallError,
    NotAnImageError,
    TruncatedImageError,
    UnsupportedImageError,
)
from maquette.recon.images.exif import read_exif, upright
from maquette.recon.images.sniff import HEADER_BYTES, known_other_kind, sniff

LONG_SIDE_PX = 1600
"""Longest side kept unless the original resolution is asked for."""

MAX_PIXELS = 100_000_000
"""Most pixels a header may announce (width times height)."""

MIN_SIDE_PX = 64
"""Shortest side worth looking at."""


@dataclass(frozen=True, eq=False)
class Photo:
    """One decoded photo: upright, sRGB, 8 bits a channel.

    ``alpha`` is the file's own transparency (255 = opaque), None where everything is opaque; ``pixels`` are
    composited over black, the colour an empty splat renders. ``original_width`` and ``original_height`` are
    upright and before reduction. ``focal_px`` is the EXIF focal length for the size of ``pixels``: a prior, no
    measurement. ``format`` is one of ``jpeg png webp tiff heic``. ``notes`` are stable words for what was done:
    ``first_frame_only``, ``exif_unreadable``, ``profile_unreadable``, ``reduced``, ``rotated``, ``sixteen_bit``.
    """

    name: str
    pixels: UInt8[ndarray, "h w 3"]
    alpha: UInt8[ndarray, "h w"] | None
    original_width: int
    original_height: int
    focal_px: float | None
    camera_model: str | None
    format: str
    notes: tuple[str, ...] = ()
    orientation: int = 1
    """EXIF's, 1 to 8, which the pixels were turned by."""

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.pixels.shape[0])


def read_photo(
    source: Path,
    *,
    name: str | None = None,
    original_resolution: bool = False,
    long_side_px: int = LONG_SIDE_PX,
    max_pixels: int = MAX_PIXELS,
) -> Photo:
    """Decode one file, whatever it is called.

    ``name``: how the user knows the file, for messages and :attr:`Photo.name` (default: the path's last part).
    The size is checked in the header, before memory for a single pixel is asked for.

    Raises :class:`EmptyFileError`, :class:`NotAnImageError`, :class:`UnsupportedImageError`,
    :class:`ImageTooLargeError`, :class:`ImageTooSmallError`, :class:`TruncatedImageError` or
    :class:`CorruptImageError`, each naming the file.
    """
    name = name or source.name
    with source.open("rb") as file:
        header = file.read(HEADER_BYTES)
        if not header:
            raise EmptyFileError(name)
        kind = sniff(header)
        if kind is None:
            other = known_other_kind(header)
            raise UnsupportedImageError(name, other) if other else NotAnImageError(name)
        file.seek(0)
        image = _open(file, kind, name)
        width, height = image.size
        if width * height > max_pixels:
            raise ImageTooLargeError(name, width, height, max_pixels)
        if min(width, height) < MIN_SIDE_PX:
            raise ImageTooSmallError(name, width, height, MIN_SIDE_PX)
        notes = ["first_frame_only"] if image.format != "MPO" and _frames(image) > 1 else []
        exif = read_exif(image, width, height)
        if not original_resolution:
            image.draft("RGB", (long_side_px, long_side_px))  # JPEG: decode at 1/2, 1/4, 1/8, never under this size
        _load(image, name)
        colour, alpha = _to_srgb(image, name, notes)

    colour, turned_alpha = upright(colour, exif.orientation), alpha and upright(alpha, exif.orientation)
    sideways = exif.orientation >= 5
    original_width, original_height = (height, width) if sideways else (width, height)
    focal_px = exif.focal_px
    if not original_resolution and max(colour.size) > long_side_px:
        scale = long_side_px / max(colour.size)
        size = (max(1, round(colour.width * scale)), max(1, round(colour.height * scale)))
        colour = colour.resize(size, Image.Resampling.BOX)
        turned_alpha = turned_alpha and turned_alpha.resize(size, Image.Resampling.BOX)
    if focal_px is not None:
        focal_px *= max(colour.size) / max(width, height)
    if max(colour.size) < max(width, height):
        notes.append("reduced")
    if exif.orientation != 1:
        notes.append("rotated")
    if not exif.readable:
        notes.append("exif_unreadable")

    pixels = np.asarray(colour, dtype=np.uint8)
    mask = None if turned_alpha is None else np.asarray(turned_alpha, dtype=np.uint8)
    if mask is not None:
        if mask.min() == 255:
            mask = None
        else:
            weight = mask[..., None].astype(np.uint16)
            pixels = ((pixels * weight + 127) // 255).astype(np.uint8)
    return Photo(
        name=name,
        pixels=pixels,
        alpha=mask,
        original_width=original_width,
        original_height=original_height,
        focal_px=focal_px,
        camera_model=exif.camera_model,
        format=kind,
        notes=tuple(notes),
        orientation=exif.orientation,
    )


def write_photo(photo: Photo, path: Path) -> None:
    """Write the pixels and nothing else, by ``path``'s suffix: JPEG (quality 95, 4:4:4) or PNG.

    The file appears whole or not at all.
    """
    image = Image.fromarray(photo.pixels)
    suffix = path.suffix.lower()
    if suffix not in (".jpg", ".jpeg", ".png"):
        raise ValueError(f"photos are written as .jpg or .png, not '{path.suffix}'")
    with replacing(path) as file:
        if suffix == ".png":
            image.save(file, "PNG", compress_level=1)  # photos hardly pack; 1 is several times faster
        else:
            image.save(file, "JPEG", quality=95, subsampling=0)


def _open(file: io.BufferedReader, kind: str, name: str) -> Image.Image:
    """Parse the header only. Pillow's own factories, because Image.open's bomb check is a global setting."""
    if kind == "heic":
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.init()
    factory, _ = Image.OPEN["HEIF" if kind == "heic" else kind.upper()]
    try:
        return factory(file, name)
    except Exception as error:  # parsing hostile bytes: anything may come out of a decoder
        raise _decoding_error(error, name) from error


def _frames(image: Image.Image) -> int:
    """How many pictures the file holds, as far as its list of them can be read; only the first one matters."""
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # as above
        return 1


def _load(image: Image.Image, name: str) -> None:
    try:
        image.load()
    except Exception as error:  # as above
        raise _decoding_error(error, name) from error


def _decoding_error(error: Exception, name: str) -> CorruptImageError | TruncatedImageError:
    words = str(error).lower()
    cut_off = isinstance(error, EOFError) or any(word in words for word in ("truncated", "end of file", "too short"))
    return TruncatedImageError(name) if cut_off else CorruptImageError(name)


def _to_srgb(image: Image.Image, name: str, notes: list[str]) -> tuple[Image.Image, Image.Image | None]:
    """Any mode to RGB in sRGB, and the transparency where there is one."""
    alpha: Image.Image | None = None
    if image.mode in ("F", "LAB", "HSV"):
        raise UnsupportedImageError(name, f"an image with {image.mode} pixels")
    if image.mode.startswith("I"):
        notes.append("sixteen_bit")
        values = np.asarray(image).astype(np.int64)
        deep = image.mode.startswith("I;16") or values.max(initial=0) > 255
        image = Image.fromarray((np.clip(values, 0, 65535) // 257 if deep else values.clip(0, 255)).astype(np.uint8))
    elif image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        profile = image.info.get("icc_profile")
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
        image.info["icc_profile"] = profile
    elif image.mode == "P":
        image = image.convert("RGB")
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and image.mode in ("RGB", "CMYK"):
        converted = _through_profile(image, profile)
        if converted is not None:
            return converted, alpha
        notes.append("profile_unreadable")
    return image.convert("RGB"), alpha


def _through_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Phones photograph in Display P3: colours are brought to sRGB. None when the profile cannot be used."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None

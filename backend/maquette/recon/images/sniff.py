"""Which kind of image or video a file is, by its first bytes and never by its name."""

from __future__ import annotations

_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}

_OTHER_KINDS = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"8BPS", "a Photoshop file"),
    (b"\x76\x2f\x31\x01", "an OpenEXR file"),
    (b"\xff\x0a", "a JPEG XL file"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL file"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 file"),
    (b"FUJIFILMCCD-RAW", "a camera raw file"),
)

HEADER_BYTES = 32

_STILL_BRANDS = _HEIF_BRANDS | {b"avif", b"avis", b"crx ", b"jp2 ", b"jpx "}
_QUICKTIME_ATOMS = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}


def sniff(header: bytes) -> str | None:
    """The format (``jpeg png webp tiff heic``) that the first bytes of a file tell, or None."""
    if header.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if header.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if header[:4] == b"RIFF" and header[8:12] == b"WEBP":
        return "webp"
    if header[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if header[4:8] == b"ftyp" and header[8:12] in _HEIF_BRANDS:
        return "heic"
    return None


def known_other_kind(header: bytes) -> str | None:
    """A few words for an image that is recognised but not read, or None for what is no image at all."""
    if header[4:12] == b"ftypavif":
        return "an AVIF file"
    return next((kind for magic, kind in _OTHER_KINDS if header.startswith(magic)), None)


def sniff_video(header: bytes) -> str | None:
    """The video container (``mp4 mov matroska avi``; WEBM is Matroska) that the first bytes tell, or None.

    A container may still hold sound only. QuickTime files from before ``ftyp`` begin with any of their atoms.
    """
    if header[4:8] == b"ftyp" and header[8:12] not in _STILL_BRANDS:
        return "mov" if header[8:12] == b"qt  " else "mp4"
    if header[4:8] in _QUICKTIME_ATOMS:
        return "mov"
    if header.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if header[:4] == b"RIFF" and header[8:12] == b"AVI ":
        return "avi"
    return None

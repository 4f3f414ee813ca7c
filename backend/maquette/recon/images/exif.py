"""The two facts worth keeping from EXIF: which way is up, and how long the lens was.

Everything else (GPS above all) is dropped by writing pixels only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image

_ORIENTATION, _MODEL, _EXIF_IFD = 0x0112, 0x0110, 0x8769
_FOCAL_MM, _FOCAL_35MM = 0x920A, 0xA405
_PLANE_X_RESOLUTION, _PLANE_UNIT, _EXIF_WIDTH = 0xA20E, 0xA210, 0xA002
_MM_PER_UNIT = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
_DIAGONAL_35MM = math.hypot(36.0, 24.0)

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class ExifFacts:
    """``orientation`` 1 to 8 as in EXIF; ``focal_px`` for the picture at its stored size."""

    orientation: int = 1
    focal_px: float | None = None
    camera_model: str | None = None
    readable: bool = True


def read_exif(image: Image.Image, width: int, height: int) -> ExifFacts:
    """Read the EXIF of an image of this stored size; a broken block is no reason to refuse a photo."""
    try:
        base = image.getexif()
        details = base.get_ifd(_EXIF_IFD)
        orientation = _number(base.get(_ORIENTATION))
        model = base.get(_MODEL)
    except Exception:  # Pillow parses hostile bytes here and raises whatever it stumbled on
        return ExifFacts(readable=False)
    return ExifFacts(
        orientation=int(orientation) if orientation is not None and orientation in range(1, 9) else 1,
        focal_px=_focal_px(dict(details), width, height),
        camera_model=model.strip("\0 ")[:80] if isinstance(model, str) else None,
    )


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn the stored picture the way it was taken."""
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _focal_px(details: dict[int, object], width: int, height: int) -> float | None:
    # CIPA DCG-001 defines the 35 mm equivalent by the diagonal, so 4:3 phones come out right too.
    focal_35mm = _number(details.get(_FOCAL_35MM))
    if focal_35mm:
        return _plausible(focal_35mm * math.hypot(width, height) / _DIAGONAL_35MM, width, height)
    focal_mm = _number(details.get(_FOCAL_MM))
    per_unit = _number(details.get(_PLANE_X_RESOLUTION))
    unit_mm = _MM_PER_UNIT.get(int(_number(details.get(_PLANE_UNIT)) or 2))
    if not (focal_mm and per_unit and unit_mm):
        return None
    # The sensor's resolution is stated for the picture as taken; the file may have been scaled since.
    scale = width / (_number(details.get(_EXIF_WIDTH)) or width)
    return _plausible(focal_mm * per_unit / unit_mm * scale, width, height)


def _plausible(focal_px: float, width: int, height: int) -> float | None:
    """None outside 10 to 170 degrees of view: such tags are typing errors of editing programs."""
    return focal_px if 0.04 < focal_px / max(width, height) < 6.0 else None


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) else None

"""Small files that unpack to gigabytes: what compressed formats check before they ask for memory."""

from __future__ import annotations

from maquette.recon.formats.errors import BadModelFileError

_HARMLESS_BYTES = 64 << 20
_LARGEST_RATIO = 200
"""Models shrink 4 to 25 times in the formats that are written here."""


def check_ratio(unpacked: int, packed: int, name: str) -> None:
    """Raise :class:`BadModelFileError` where ``unpacked`` bytes are said to come out of ``packed`` ones, and no model
    shrinks as much.
    """
    if unpacked > max(_HARMLESS_BYTES, _LARGEST_RATIO * packed):
        raise BadModelFileError(name, f"its {packed} bytes are said to hold {unpacked}, which no model does")

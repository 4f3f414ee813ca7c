"""The formats that models are exported in. A new one is one file here and one entry in :data:`FORMATS`."""

from __future__ import annotations

from typing import Any

from maquette.recon.formats import (
    colmap,
    compressed_ply,
    gaussians_glb,
    glb,
    html,
    obj,
    ply,
    ply_gz,
    pointcloud,
    sog,
    splat,
    spz,
    stl,
    transforms,
    usdz,
)
from maquette.recon.formats.errors import UnknownFormatError
from maquette.recon.formats.format import Format

FORMATS: tuple[Format[Any], ...] = (
    ply.FORMAT,
    splat.FORMAT,
    spz.FORMAT,
    sog.FORMAT,
    compressed_ply.FORMAT,
    ply_gz.FORMAT,
    gaussians_glb.FORMAT,
    html.FORMAT,
    glb.FORMAT,
    obj.FORMAT,
    usdz.FORMAT,
    stl.FORMAT,
    pointcloud.FORMAT,
    colmap.FORMAT,
    transforms.FORMAT,
)


def format_named(name: str) -> Format[Any]:
    """The format of that name, as ``ply``; raises :class:`UnknownFormatError`, which lists the known ones."""
    for known in FORMATS:
        if known.name == name:
            return known
    raise UnknownFormatError(name, [known.name for known in FORMATS])


__all__ = ["FORMATS", "Format", "format_named"]

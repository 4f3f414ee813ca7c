"""Reads a USDZ of one mesh, by OpenUSD (extra ``[usd]``)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy import ndarray

import maquette
from maquette.recon.archive import ArchiveLimits
from maquette.recon.formats import usdz_child
from maquette.recon.formats.checking import check_mesh_read, not_a_model
from maquette.recon.formats.openusd import openusd
from maquette.recon.formats.srgb import srgb_from_linear
from maquette.recon.formats.textures import decode
from maquette.recon.formats.zipped import unpacked
from maquette.recon.mesh import Mesh, Texture

_LIMITS = ArchiveLimits(files=64, file_bytes=1 << 28, total_bytes=1 << 29)
_LAYERS = (".usdc", ".usda", ".usd")
_MAGIC = b"PXR-USDC"
_TIMEOUT_S = 120


def read(path: Path) -> Mesh:
    """Read a package of one mesh of triangles whose values stand on its vertices, as this format writes it.

    A process of its own parses the layer, once the archive's checksums are right. Raises
    :class:`~maquette.recon.formats.errors.BadModelFileError` or
    :class:`~maquette.recon.formats.openusd.UsdExtraMissingError`.
    """
    openusd()
    with unpacked(path, _LIMITS) as files:
        layers = [name for name in files if name.endswith(_LAYERS)]
        if len(layers) != 1:
            raise not_a_model(path.name, f"it holds {len(layers)} layers where one is read")
        arrays = _parse(files[layers[0]], path.name)
        normals, uvs, linear = (arrays.get(key) for key in ("normals", "uvs", "colors"))
        colors = None if linear is None else srgb_from_linear(linear)
        images = {key: files.get(str(arrays[key])) for key in ("color", "normal") if key in arrays}
        texture = None
        if uvs is not None and (color := images.get("color")) is not None:
            bumps = images.get("normal")
            texture = Texture(
                decode(color.read_bytes(), path.name),
                None if bumps is None else decode(bumps.read_bytes(), path.name),
            )
    return check_mesh_read(Mesh(arrays["vertices"], arrays["faces"], normals, colors, uvs, texture), path.name)


def _parse(layer: Path, name: str) -> dict[str, ndarray]:
    """What the child finds; whatever happens to it, the file is to blame."""
    with layer.open("rb") as start:
        ending = ".usdc" if start.read(len(_MAGIC)) == _MAGIC else ".usda"
    source, target = layer.rename(layer.with_suffix(ending)), layer.with_suffix(".npz")
    inherited = os.environ.get("PYTHONPATH")
    package_root = str(Path(maquette.__file__).resolve().parent.parent)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{package_root}{os.pathsep}{inherited}" if inherited else package_root,
    }
    try:
        subprocess.run(
            [sys.executable, "-P", usdz_child.__file__, str(source), str(target)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=_TIMEOUT_S,
            check=True,
        )
        with np.load(target) as arrays:
            return dict(arrays)
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        raise not_a_model(name, "its layer is damaged, or no mesh of triangles") from error

"""Textures: what photos show of a mesh, painted on it, and how close that comes to them."""

from __future__ import annotations

from maquette.recon.texture.baking import TextureResult, bake_texture
from maquette.recon.texture.measuring import MeshQuality, measure_mesh
from maquette.recon.texture.settings import PRESETS, TextureSettings
from maquette.recon.texture.transfer import decimated

__all__ = ["PRESETS", "MeshQuality", "TextureResult", "TextureSettings", "bake_texture", "decimated", "measure_mesh"]

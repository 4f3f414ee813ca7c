"""Surfaces: triangles made from a model of Gaussians, and what is painted on them."""

from __future__ import annotations

from maquette.recon.mesh.mesh import Mesh, Texture

__all__ = ["Mesh", "Texture"]

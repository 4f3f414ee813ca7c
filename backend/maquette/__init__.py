"""Maquette: photos to a 3D model in recorded steps."""

__version__ = "0.1.0"

"""What people see of a model before they open it: pictures from around it, a poster, a film."""

from __future__ import annotations

from maquette.recon.previews.path import PreviewPath, path_around, path_of
from maquette.recon.previews.rendering import Previews, PreviewSettings, render_previews

__all__ = ["PreviewPath", "PreviewSettings", "Previews", "path_around", "path_of", "render_previews"]

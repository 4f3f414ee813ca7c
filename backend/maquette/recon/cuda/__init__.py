"""Training and rendering on an NVIDIA GPU: torch on the device, gsplat for the rasteriser (extra ``[cuda]``).

This package imports no torch. ``available`` answers whether a GPU can be used, and if not why; ``train_on_device`` in
:mod:`maquette.recon.cuda.engine` and ``rasterize`` in :mod:`maquette.recon.cuda.rendering` do the work.
"""

from maquette.recon.cuda.availability import Availability, available, choose_backend

__all__ = ["Availability", "available", "choose_backend"]

"""The splat rasteriser. ``rasterize`` is for looking, on any backend; ``forward``, ``depths``,
``backward`` and ``contribution`` are for training.

These run on the CPU: compiled with numba, all cores, float32, the same bits on any number of threads. The
definition of all is the slow :mod:`maquette.recon.rasterize.twin`.
"""

from maquette.recon.rasterize.backends import rasterize
from maquette.recon.rasterize.contributions import contribution
from maquette.recon.rasterize.frame import Frame, Gradients, ScreenGradients, backward, depths, forward
from maquette.recon.rasterize.rendering import OUTPUTS, Output, Rendering

__all__ = [
    "OUTPUTS",
    "Frame",
    "Gradients",
    "Output",
    "Rendering",
    "ScreenGradients",
    "backward",
    "contribution",
    "depths",
    "forward",
    "rasterize",
]

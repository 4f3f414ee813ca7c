"""The splat rasteriser on the CPU: compiled with numba, all cores, float32, the same bits on any number of threads.

``render`` is for looking; ``forward`` and ``backward`` are for training. The definition of both is the slow
:mod:`maquette.recon.rasterize.twin`.
"""

from maquette.recon.rasterize.frame import Frame, Gradients, backward, forward
from maquette.recon.rasterize.rendering import Rendering, render

__all__ = ["Frame", "Gradients", "Rendering", "backward", "forward", "render"]

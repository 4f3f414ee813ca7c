"""Multi-view consistent back-projection: an enhanced pixel counts as far as the other views agree with it.

``weigh`` says how much each pixel of each enhanced view counts, ``mix`` makes a scene of photos and enhanced views that
:func:`maquette.recon.train.train` takes. docs/refinement.md defines every factor.
"""

from maquette.recon.multiview.mixture import Mixture, mix
from maquette.recon.multiview.settings import WeightSettings
from maquette.recon.multiview.views import EnhancedView
from maquette.recon.multiview.weigh import ViewWeights, weigh

__all__ = ["EnhancedView", "Mixture", "ViewWeights", "WeightSettings", "mix", "weigh"]

"""Background removal: a photo in, the object's mask out, with the name of what found it."""

from __future__ import annotations

from maquette.recon.background.remove import choose_background_model, open_remover, remove_background
from maquette.recon.background.removed import Removed

__all__ = ["Removed", "choose_background_model", "open_remover", "remove_background"]

"""View enhancement: one rendered view in, the same view sharper or cleaner out, and a record of how.

Methods are named and listed (:data:`METHODS`); none is put in the place of another in silence.
"""

from __future__ import annotations

from maquette.recon.enhance.method import Enhancer, Method
from maquette.recon.enhance.methods import METHODS, Choice, choose_method, enhance, find_method, open_method
from maquette.recon.enhance.request import Enhanced, EnhanceParameters, EnhanceRecord, EnhanceRequest

__all__ = [
    "METHODS",
    "Choice",
    "EnhanceParameters",
    "EnhanceRecord",
    "EnhanceRequest",
    "Enhanced",
    "Enhancer",
    "Method",
    "choose_method",
    "enhance",
    "find_method",
    "open_method",
]

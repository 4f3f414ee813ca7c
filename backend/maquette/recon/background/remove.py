"""The one door to background removal: a network where one is on this machine, else GrabCut, and it says which."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from jaxtyping import UInt8
from numpy import ndarray

from maquette.errors import MaquetteError
from maquette.recon.background.errors import ObjectNotFoundError, UnknownBackgroundModelError
from maquette.recon.background.grabcut import cut_by_colour
from maquette.recon.background.network import BackgroundNetwork
from maquette.recon.background.networks import KINDS
from maquette.recon.background.removed import ALPHA, Removed
from maquette.recon.weights import Weights

LEAST_SHARE, MOST_SHARE = 0.005, 0.98
"""Of the picture: an object of less is a speck, and one of more leaves no background."""

Remover = Callable[[UInt8[ndarray, "h w 3"]], Removed]


def choose_background_model(weights: Weights, wanted: str | None = None) -> str | None:
    """Name of the network to use: ``wanted``, else the first known one that is here; None: GrabCut stands in.

    Raises :class:`UnknownBackgroundModelError`, or what stands in the way of a model that was asked for by name.
    """
    if wanted is None:
        return next((name for name in KINDS if weights.problem(name) is None), None)
    if wanted not in KINDS:
        raise UnknownBackgroundModelError(wanted, tuple(KINDS))
    problem: MaquetteError | None = weights.problem(wanted)
    if problem is not None:
        raise problem
    return wanted


def open_remover(
    weights: Weights | None = None, wanted: str | None = None, *, threads: int | None = None, shadows: bool = True
) -> Remover:
    """What removes the background of any number of photos, its network loaded once.

    ``shadows``: whether the pictures may show an object's shadow, which GrabCut should not keep.

    Raises what :func:`choose_background_model` does, and the errors of a broken network: a network that is here and
    does not work is never replaced in silence.
    """
    found = weights or Weights()
    name = choose_background_model(found, wanted)
    by_colour = partial(cut_by_colour, shadows=shadows)
    cut: Remover = by_colour if name is None else BackgroundNetwork(found[name], threads=threads)

    def remove(pixels: UInt8[ndarray, "h w 3"]) -> Removed:
        removed = cut(pixels)
        if not LEAST_SHARE <= removed.share <= MOST_SHARE:
            raise ObjectNotFoundError(removed.share, removed.method)
        return removed

    return remove


def remove_background(
    pixels: UInt8[ndarray, "h w 3"],
    weights: Weights | None = None,
    *,
    wanted: str | None = None,
    alpha: UInt8[ndarray, "h w"] | None = None,
    threads: int | None = None,
) -> Removed:
    """The object of one photo; where the photo brings its own transparency (``alpha``), that is the mask.

    For several photos :func:`open_remover` loads the network only once. Raises :class:`ObjectNotFoundError` where
    nothing can be told apart, and the errors of :func:`open_remover`.
    """
    if alpha is not None:
        own = Removed(alpha, ALPHA, degraded=False, confidence=1.0)
        if not LEAST_SHARE <= own.share <= MOST_SHARE:
            raise ObjectNotFoundError(own.share, own.method)
        return own
    return open_remover(weights, wanted, threads=threads)(pixels)

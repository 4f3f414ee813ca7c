"""Which views a refine round mends: those that were named, or those that its parent version shows worst."""

from __future__ import annotations

from collections.abc import Sequence

from maquette.errors import BadInputError
from maquette.recon.scene import Scene
from maquette.steps.evaluation import EvaluationSet
from maquette.steps.records import Model

DEFAULT_VIEWS = 4
"""Views that a round mends where none were named: enough to see what is wrong, few enough for a slow enhancement."""


class BadViewsError(BadInputError):
    """``views_to_refine`` names views that do not exist, or that this round must not learn from."""

    code = "bad_views_to_refine"


def select_views(
    scene: Scene, eval_set: EvaluationSet, parent: Model, named: Sequence[int] | None, *, enhanced: bool
) -> tuple[int, ...]:
    """The views to mend, the worst first or in the order of their indices where they were ``named``.

    A held-out photo never teaches. Its camera may: where views are ``enhanced``, what is made of the parent's render
    from there is as good a lesson as from anywhere else. Raises :class:`BadViewsError`.
    """
    training, held_out = eval_set.training(scene), eval_set.held_out(scene)
    allowed = (*training, *held_out) if enhanced else training
    if named is None:
        return worst(parent, allowed)
    bad = sorted(set(named) - set(allowed))
    if bad:
        why = "they do not exist" if enhanced else "they do not exist, or are held out and nothing enhances them"
        raise BadViewsError(
            f"Views {', '.join(map(str, bad))} cannot be refined: {why}.",
            suggestion="Choose from GET /api/v1/projects/{id}/views"
            + ("." if enhanced else " with `split` training, or name an `enhancement`."),
            views=bad,
        )
    return tuple(sorted(set(named)))


def worst(parent: Model, views: Sequence[int], count: int = DEFAULT_VIEWS) -> tuple[int, ...]:
    """Of ``views`` those that the parent shows worst by PSNR, the worst first; unmeasured ones after all others."""
    psnr = {m.view_index: m.psnr for m in parent.metrics if m.view_index is not None}
    return tuple(sorted(views, key=lambda index: (psnr.get(index, float("inf")), index))[:count])

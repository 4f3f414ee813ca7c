"""How much each pixel of each enhanced view counts: confirmed by photos, by other enhanced views, or by nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.gaussians import Gaussians
from maquette.recon.multiview.evidence import Evidence, best_witnesses, hear, parent_agreement
from maquette.recon.multiview.settings import WeightSettings
from maquette.recon.multiview.views import EnhancedView, Gallery
from maquette.recon.scene import View

PRIOR_SHARE = 0.05
PRIOR_AGREEMENT = 0.5


class NothingToWeighError(BadInputError):
    """Without photos nothing can be confirmed."""

    code = "nothing_to_weigh"


@dataclass(frozen=True, eq=False)
class ViewWeights:
    """The weights of one enhanced view and what they came from.

    ``weights`` 0 to 1, at the resolution of the comparison. ``seen`` is the share of the view that anchors see (mean
    visibility), ``agreement`` how far they agree with what they see of it, ``trust`` the factor on the whole view that
    follows, ``gain`` how much brighter it is than the parent's render.
    """

    view: EnhancedView
    weights: Float32[ndarray, "h w"]
    seen: float
    agreement: float
    trust: float
    gain: float

    @property
    def mask(self) -> UInt8[ndarray, "h w"]:
        """The weights as 0 to 255."""
        steps: UInt8[ndarray, "h w"] = np.rint(self.weights * 255).astype(np.uint8)
        return steps


def weigh(
    gaussians: Gaussians,
    anchors: Sequence[View],
    enhanced: Sequence[EnhancedView],
    settings: WeightSettings | None = None,
    *,
    downscale: float = 1.0,
    max_side_px: int | None = None,
    background: tuple[float, float, float] = (0.0, 0.0, 0.0),
    backend: str = "cpu",
) -> Iterator[ViewWeights]:
    """Weights of every enhanced view in order, against the real photos ``anchors`` and each other.

    What the mask of a photo leaves out says nothing about others; the mask of an enhanced view multiplies its weights.

    ``gaussians`` is the parent model; ``downscale``, ``max_side_px`` and ``background`` those of training. Two views
    at a time are compared; what stays in memory is the cache and two float16 maps for each enhanced view. Raises
    ``nothing_to_weigh`` without anchors, ``bad_weight_settings``, ``unreadable_photo``, ``training_size_too_small``.
    """
    settings = (settings or WeightSettings()).checked()
    if not anchors:
        raise NothingToWeighError(
            "Enhanced views were given without a photo to compare them with.",
            suggestion="Give the photos that the model was trained on.",
        )
    gallery = Gallery(
        gaussians,
        [*anchors, *enhanced],
        downscale=downscale,
        max_side_px=max_side_px,
        background=background,
        exposure_limit=settings.exposure_limit,
        cache_mb=settings.cache_mb,
        backend=backend,
    )
    return _weigh(gallery, len(anchors), enhanced, settings)


def _weigh(
    gallery: Gallery, anchors: int, enhanced: Sequence[EnhancedView], settings: WeightSettings
) -> Iterator[ViewWeights]:
    # How far a view can be trusted as a witness follows from what the anchors say about it, so they come first.
    photos = [(index, 1.0) for index in range(anchors)]
    heard = [_heard(gallery, anchors + place, photos, settings) for place in range(len(enhanced))]
    trusts = [trust_of(mean_agreement(one), settings) for one in heard]
    witnesses = [(anchors + place, trust) for place, trust in enumerate(trusts) if trust > 0]
    for index, (view, first, trust) in enumerate(zip(enhanced, heard, trusts, strict=True), start=anchors):
        second = _heard(gallery, index, [one for one in witnesses if one[0] != index], settings)
        subject = gallery[index]
        weights = combine(first, second, parent_agreement(subject, settings), settings) * np.float32(trust)
        if subject.photo.weights is not None:
            weights *= subject.photo.weights * np.float32(1 / 255)
        yield ViewWeights(view, weights, float(first.visibility.mean()), mean_agreement(first), trust, subject.gain)


def combine(
    anchors: Evidence, others: Evidence, parent: Float32[ndarray, "h w"], settings: WeightSettings
) -> Float32[ndarray, "h w"]:
    """w = V A + (1 - V) g (k_e V_e A_e + (1 - V_e) k_u P): each rank has a say only where those above do not see.

    V, A are the anchors' visibility and agreement, V_e, A_e those of the other enhanced views, P the agreement with
    the parent's render, k_e ``invented`` and k_u ``unconfirmed``. g = 1 - min(1, V / v0) (1 - A), v0
    ``veto_visibility``, is the anchors' veto: where they see a pixel but little, and see something else, nobody below
    them saves it.
    """
    (seen, agreed), (seen_by_others, agreed_by_others) = (judged(said, settings) for said in (anchors, others))
    veto = np.minimum(1, anchors.visibility / np.float32(settings.veto_visibility)) * (1 - agreed)
    lower = np.float32(settings.invented) * seen_by_others * agreed_by_others
    lower += np.float32(settings.unconfirmed) * (1 - seen_by_others) * parent
    weights: Float32[ndarray, "h w"] = seen * agreed + (1 - seen) * (1 - veto) * lower
    return weights


def judged(said: Evidence, settings: WeightSettings) -> tuple[Float32[ndarray, "h w"], Float32[ndarray, "h w"]]:
    """Visibility and agreement as verdicts, both 0 to 1: seen well enough, and confirmed rather than contradicted."""
    span = settings.agreement_full - settings.agreement_from
    seen = np.minimum(1, said.visibility / np.float32(settings.visibility_full))
    agreed = np.clip((said.agreement - np.float32(settings.agreement_from)) / np.float32(span), 0, 1)
    return seen, agreed


def mean_agreement(said: Evidence) -> float:
    """Agreement of the pixels that are seen, weighted by how well, 0 to 1.

    As much as 5 % of the picture is added that agrees by half, so that a view that hardly any photo sees is neither
    trusted nor dropped because of a few pixels.
    """
    prior = PRIOR_SHARE * said.visibility.size
    seen = said.visibility.astype(np.float64)
    return float(((seen * said.agreement).sum() + prior * PRIOR_AGREEMENT) / (seen.sum() + prior))


def trust_of(agreement: float, settings: WeightSettings) -> float:
    """0 up to ``trust_from``, 1 from ``trust_full`` on, linear between."""
    if agreement >= settings.trust_full:
        return 1.0
    return max(0.0, (agreement - settings.trust_from) / (settings.trust_full - settings.trust_from))


def _heard(gallery: Gallery, index: int, witnesses: Sequence[tuple[int, float]], settings: WeightSettings) -> Evidence:
    """What the best of the ``witnesses`` (view, trust) say about a view; half precision, because all are kept."""
    subject = gallery[index]
    cameras = [gallery.views[i].camera for i, _ in witnesses]
    chosen = best_witnesses(subject.photo.camera, subject.depth, cameras, settings)
    said = hear(subject, ((gallery[witnesses[k][0]], witnesses[k][1]) for k in chosen), settings)
    return Evidence(said.visibility.astype(np.float16), said.agreement.astype(np.float16))

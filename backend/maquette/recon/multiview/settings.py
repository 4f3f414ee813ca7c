"""Every constant of the weighting, with what it means; docs/refinement.md says why each has its value."""

from __future__ import annotations

from dataclasses import dataclass

from maquette.errors import BadInputError


class BadWeightSettingsError(BadInputError):
    """A setting of the multi-view weighting is outside its bounds."""

    code = "bad_weight_settings"


@dataclass(frozen=True)
class WeightSettings:
    """Settings of :func:`maquette.recon.multiview.weigh.weigh`. Colours are sRGB 0 to 1."""

    depth_tolerance: float = 0.02
    """Relative difference of two rendered depths that counts exp(-1/2); beyond three of them a pixel is hidden."""
    widest_angle_deg: float = 60.0
    """Angle between two rays to a point from which on the other view says nothing about it, up to 180."""
    grazing_cosine: float = 0.3
    """Cosine between surface normal and the other ray from which on the surface is seen fully, up to 1."""
    colour_tolerance: float = 0.03
    """Colour difference, beyond all that the other shows within a pixel, that counts exp(-1/2)."""
    detail_tolerance: float = 0.1
    """Loss of structural similarity with the others, against the parent's render, that counts exp(-1/2)."""
    exposure_limit: float = 1.5
    """Largest factor by which a whole picture may be brighter or darker than the parent's render, at least 1."""

    pool_px: int = 7
    """Side of the square over which visibility and agreement are averaged: what is really different is an area, what
    a depth is a little off makes different is a line. Odd, at least 1."""
    agreement_from: float = 0.1
    """Mean agreement of the witnesses up to which a pixel is contradicted, 0 to 1."""
    agreement_full: float = 0.4
    """Mean agreement from which on it is confirmed; linear between."""
    visibility_full: float = 0.5
    """Visibility that is enough to judge a pixel by: that of one other view that sees it half as well as can be."""

    trust_from: float = 0.4
    """A view is dropped whose pixels, where anchors see them, agree with them less than this on average, 0 to 1."""
    trust_full: float = 0.7
    """Mean agreement from which on a view is trusted wholly."""

    unconfirmed: float = 0.5
    """Weight of a pixel that nobody else sees and that is what the parent rendered, 0 to 1."""
    parent_tolerance: float = 0.2
    """Colour difference from the parent's render, where nobody else sees, that counts exp(-1/2)."""
    invented: float = 0.75
    """Weight of a pixel that only other enhanced views see, and confirm, 0 to 1."""
    veto_visibility: float = 0.1
    """Anchor visibility from which on a contradiction by anchors leaves nothing to lower ranks."""

    witnesses: int = 12
    """Views of each kind that an enhanced view is compared with: those that see most of it. At least 1."""
    cache_mb: int = 256
    """Memory for loaded views and their rendered depths, at least 1."""

    def checked(self) -> WeightSettings:
        """These settings, or :class:`BadWeightSettingsError` naming the first one out of bounds."""
        bounds: tuple[tuple[str, float, float], ...] = (
            ("depth_tolerance", 1e-6, 1.0),
            ("widest_angle_deg", 1e-3, 180.0),
            ("grazing_cosine", 1e-6, 1.0),
            ("colour_tolerance", 1e-6, 1.0),
            ("detail_tolerance", 1e-6, 2.0),
            ("exposure_limit", 1.0, 100.0),
            ("pool_px", 1, 99),
            ("agreement_from", 0.0, 1.0),
            ("agreement_full", self.agreement_from + 1e-6, 1.0),
            ("visibility_full", 1e-6, 1.0),
            ("trust_from", 0.0, 1.0),
            ("trust_full", self.trust_from + 1e-6, 1.0),
            ("unconfirmed", 0.0, 1.0),
            ("parent_tolerance", 1e-6, 1.0),
            ("invented", 0.0, 1.0),
            ("veto_visibility", 1e-6, 1.0),
            ("witnesses", 1, 100_000),
            ("cache_mb", 1, 1_000_000),
        )
        for name, low, high in bounds:
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadWeightSettingsError(
                    f"{name} is {value}; it must lie between {low:g} and {high:g}.",
                    suggestion=f"Choose a {name} within these bounds.",
                    setting=name,
                )
        return self

"""Why a photo could not be placed, in the order in which things go wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from maquette.recon.sfm.result import Placement

FEW_FEATURES = 200
"""Features under which a photo seldom matches anything."""


STRANGER_CODES = frozenset({"no_matches", "not_connected"})
"""Sharp photos that share nothing with any placed one: of something else, or from too far away."""


def strangers(photos: Iterable[Placement]) -> tuple[str, ...]:
    """Names of the photos that share nothing with those placed, though they have enough to share."""
    return tuple(photo.name for photo in photos if photo.code in STRANGER_CODES)


def placement(facts: dict[str, Any], name: str) -> Placement:
    """Turn one photo's facts (``placed features matched matched_placed points``) into words.

    Facts that bring their own ``code sentence action`` keep them.
    """
    features, matched = int(facts["features"]), int(facts["matched"])
    code, sentence, action = "", "", ""
    if facts.get("code"):
        code, sentence, action = facts["code"], facts["sentence"], facts["action"]
    elif not facts["placed"]:
        code, sentence, action = _reason(name, features, matched, int(facts["matched_placed"]))
    return Placement(
        name=name,
        placed=bool(facts["placed"]),
        features=features,
        matched_photos=matched,
        points=int(facts["points"]),
        code=code,
        sentence=sentence,
        action=action,
    )


def _reason(name: str, features: int, matched: int, matched_placed: int) -> tuple[str, str, str]:
    if matched == 0 and features < FEW_FEATURES:
        return (
            "few_features",
            f"'{name}' has only {features} distinctive spots: it is blurred, dark or shows smooth surfaces.",
            "Take it again, sharp and well lit, with textured things in view.",
        )
    if matched == 0:
        return (
            "no_matches",
            f"'{name}' shares nothing with any other photo: it shows something else, or is taken from too far away.",
            "Leave it out, or take photos in between so that neighbours show the same things.",
        )
    if matched_placed == 0:
        return (
            "not_connected",
            f"'{name}' matches {_photos(matched, 'other ')}, but none of those that could be placed.",
            "Take a few photos that lead from the others to this one in small steps, or leave it out where it shows "
            "something else.",
        )
    return (
        "pose_not_found",
        f"'{name}' matches {_photos(matched_placed, 'placed ')}, but in too few spots to tell where it was taken from.",
        "Take one more photo between this one and its neighbours.",
    )


def _photos(count: int, which: str) -> str:
    return f"{count} {which}photo{'' if count == 1 else 's'}"

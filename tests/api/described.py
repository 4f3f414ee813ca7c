"""What changed between two OpenAPI descriptions, one line a change, for people to read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

WORDS = ("description", "summary", "title", "examples", "example")
"""Changes of these are told without their texts."""


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """``+``: added, ``-``: taken away, ``~``: changed, and by whom a caller would notice it: call, field, answer."""
    return [
        *_named("call", _calls(before), _calls(after)),
        *_named("type", _types(before), _types(after)),
        *(f"~ {line}" for line in _within(_rest(before), _rest(after))),
    ]


def _calls(described: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{method.upper()} {path}": call
        for path, methods in described.get("paths", {}).items()
        for method, call in methods.items()
    }


def _types(described: Mapping[str, Any]) -> dict[str, Any]:
    return dict(described.get("components", {}).get("schemas", {}))


def _rest(described: Mapping[str, Any]) -> dict[str, Any]:
    components = {key: value for key, value in described.get("components", {}).items() if key != "schemas"}
    return {**{key: value for key, value in described.items() if key != "paths"}, "components": components}


def _named(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"- {kind} {name}"
        elif name not in before:
            yield f"+ {kind} {name}"
        else:
            for line in _within(_by_name(before[name]), _by_name(after[name])):
                yield f"~ {kind} {name}: {line}"


def _by_name(value: Any) -> Any:
    """Lists of parameters as their names, so that a new one in the middle is one change and not many."""
    if isinstance(value, dict):
        return {key: _by_name(one) for key, one in value.items()}
    if isinstance(value, list) and value and all(isinstance(one, dict) and "name" in one for one in value):
        return {str(one["name"]): _by_name(one) for one in value}
    return value


def _within(before: Any, after: Any, place: str = "") -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            inside = f"{place} {key}".strip()
            if key not in after:
                yield f"{inside} taken away"
            elif key not in before:
                yield f"{inside} added: {_short(after[key])}"
            elif key in WORDS and isinstance(before[key], str) and isinstance(after[key], str):
                if before[key] != after[key]:
                    yield f"{inside}: other words"
            else:
                yield from _within(before[key], after[key], inside)
    elif isinstance(before, list) and isinstance(after, list) and _plain(before) and _plain(after):
        gone, new = [one for one in before if one not in after], [one for one in after if one not in before]
        told = [f"without {_short(gone)}"] * bool(gone) + [f"with {_short(new)}"] * bool(new)
        yield f"{place}: {' and '.join(told) or 'another order'}"
    else:
        yield f"{place}: {_short(before)} → {_short(after)}"


def _plain(values: list[Any]) -> bool:
    return all(isinstance(value, str | int | float | bool) for value in values)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:119]}…"

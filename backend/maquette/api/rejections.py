"""Validation errors in plain words: which field, what it was, what it may be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from maquette.db.projects import ProjectNotFoundError
from maquette.db.runs import RunNotFoundError
from maquette.db.shares import ShareNotFoundError
from maquette.errors import BadInputError, NotFoundError

_BOUNDS = ("ge", "gt", "le", "lt", "min_length", "max_length", "multiple_of", "expected", "pattern")


class InvalidParametersError(BadInputError):
    """A parameter is missing, unknown, of the wrong kind or out of its bounds."""

    code = "invalid_parameters"


def describe_validation(problems: Sequence[Any]) -> InvalidParametersError:
    """FastAPI's list of problems as one error; ``details.fields`` has one entry a problem."""
    fields = [_field(problem) for problem in problems[:50]]
    first = fields[0] if fields else {"field": "body", "message": "cannot be read"}
    others = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return InvalidParametersError(
        f"{first['field']}: {first['message']}{others}.",
        suggestion="See /docs for every parameter with its bounds, default and unit.",
        fields=fields,
    )


def missing_for_malformed_id(problems: Sequence[Any]) -> NotFoundError | None:
    """An id that is no UUID names nothing that exists: the answer is 404, as for any other unknown id."""
    for problem in problems:
        location = tuple(problem["loc"])
        text = str(problem.get("input"))[:100]
        if location == ("path", "project_id"):
            return ProjectNotFoundError(
                f"There is no project '{text}'.",
                suggestion="Check the id with GET /api/v1/projects, or create a project with POST /api/v1/projects.",
            )
        if location == ("path", "run_id"):
            return RunNotFoundError(
                f"There is no run '{text}'.", suggestion="List a project's runs with GET /api/v1/projects/{id}/runs."
            )
        if location == ("path", "share_id"):
            return ShareNotFoundError(
                f"There is no share link '{text}'.",
                suggestion="List a project's links with GET /api/v1/projects/{id}/shares; it is the id, not the key.",
            )
    return None


def _field(problem: Any) -> dict[str, Any]:
    location = [str(part) for part in problem["loc"]]
    where, names = (location[0], location[1:]) if location else ("body", [])
    context = problem.get("ctx") or {}
    field: dict[str, Any] = {"field": ".".join(names) or where, "in": where, "message": _message(problem)}
    if problem["type"] == "json_invalid":
        field["field"] = "body"
    bounds = {name: _plain(context[name]) for name in _BOUNDS if name in context}
    if bounds:
        field["bounds"] = bounds
    given = problem.get("input")
    if isinstance(given, bool | int | float) or (isinstance(given, str) and len(given) <= 100):
        field["given"] = _plain(given)
    return field


def _message(problem: Any) -> str:
    if problem["type"] == "json_invalid":
        return "the body is not valid JSON"
    if problem["type"] in {"model_attributes_type", "model_type"} and len(problem["loc"]) == 1:
        return "has to be a JSON object, sent with Content-Type: application/json"
    if problem["type"] == "extra_forbidden":
        return "no such parameter"
    if problem["type"] == "missing":
        return "is needed"
    text = str(problem["msg"]).removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def sayable(value: Any) -> Any:
    """Echoes of what a caller sent may hold what JSON in UTF-8 cannot say: half characters, infinity."""
    if isinstance(value, dict):
        return {str(sayable(str(key))): sayable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [sayable(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return _plain(value) if value is not None else None


def _plain(value: Any) -> Any:
    """Numbers that JSON cannot say become text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, bool | int | float | str) else str(value)

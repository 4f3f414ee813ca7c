"""Calls every operation as its description allows and as it forbids, and holds each answer against the description.

By Schemathesis, which makes up the calls. The ids in them are now real ones, now made up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.api.worker import Worker

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
LONGEST_S = 30.0
SLOW = {"POST /api/v1/upload", "POST /api/v1/projects/import", "POST /api/v1/projects/sample"}
"""Start processes of their own or copy many files."""


def names_of(client: httpx.Client, worker: Worker) -> dict[str, Any]:
    """Real ones: a project with a model, a finished run, a link, an announced file and a webhook that was called."""

    def post(path: str, body: Any = None) -> dict[str, Any]:
        made: dict[str, Any] = client.post(path, json=body).json()
        return made

    project_id = post("/projects", {"name": "Known"})["id"]
    worker.add_photos(project_id)
    run_id = post(f"/generate/{project_id}")["run_id"]
    worker.generate(run_id)
    share = post(f"/projects/{project_id}/shares")
    hooks = client.get("/webhooks").json()["items"]
    hook = (hooks or [post("/webhooks", {"url": "https://127.0.0.1:9/", "types": ["run.completed"]})])[0]["id"]
    return {
        "project_id": project_id,
        "run_id": run_id,
        "share_id": share["id"],
        "share_key": share["share_key"],
        "incoming_id": post(f"/projects/{project_id}/incoming", {"name": "walk.mp4", "bytes": 5}).get("id", "none"),
        "webhook_id": hook,
        "delivery_id": post(f"/webhooks/{hook}/test")["id"],
        "version": 0,
        "image_index": 1,
    }


@dataclass
class Tried:
    """How many calls were made, how they were answered, and what was wrong with the answers, one of each kind."""

    calls: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)


def try_operations(
    url: str,
    description: Mapping[str, Any],
    ids: Callable[[], Mapping[str, Any]],
    *,
    examples: int,
    number: int,
    headers: Mapping[str, str] | None = None,
    only: Callable[[str], bool] = lambda label: True,
) -> Tried:
    """``ids`` gives real ones by the name of the parameter; what deletes comes last. Each operation gets ``examples``
    calls that its description allows and as many that it does not, decided by ``number``.
    """
    tried = Tried()
    schema = schemathesis.openapi.from_dict(dict(description))
    operations = [found.ok() for found in schema.get_all_operations()]
    with requests.Session() as session:
        session.trust_env = False
        for operation in sorted(operations, key=lambda one: (one.method.lower() == "delete", one.label)):
            if not only(operation.label):
                continue
            few = max(2, examples // 10) if operation.label in SLOW else examples
            real = ids()
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                try:
                    _try(tried, session, url, operation, mode, few, number, real, dict(headers or {}))
                except Exception as error:
                    # An operation that takes nothing has no wrong calls.
                    if "Unsatisfiable" not in type(error).__name__:
                        tried.faults[f"{operation.label} ({mode.value})"] = f"{type(error).__name__}: {error}"[:1500]
    return tried


def _try(
    tried: Tried,
    session: requests.Session,
    url: str,
    operation: Any,
    mode: GenerationMode,
    examples: int,
    number: int,
    real: Mapping[str, Any],
    headers: dict[str, str],
) -> None:
    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), named=st.booleans())
    def one(case: Any, named: bool) -> None:
        _settle(case, named, real)
        answer = case.call(base_url=url, session=session, headers=headers, timeout=LONGEST_S)
        tried.calls[operation.label] += 1
        tried.statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=CHECKS)
        except (Exception, BaseExceptionGroup) as error:
            told = _told(error)
            tried.faults.setdefault(f"{operation.label}: {told}", f"{case.as_curl_command()}\n{answer.text[:600]}")

    one()


def _settle(case: Any, named: bool, real: Mapping[str, Any]) -> None:
    """Give it real names, and take the patience out of it: no worker lives that could end the waiting."""
    if named:
        for name in case.path_parameters or {}:
            if name in real:
                case.path_parameters[name] = real[name]
    if case.query and "wait" in case.query:
        case.query["wait"] = 0


def _told(error: BaseException) -> str:
    inner = getattr(error, "exceptions", None)
    return _told(inner[0]) if inner else f"{type(error).__name__}: {str(error)[:700]}"

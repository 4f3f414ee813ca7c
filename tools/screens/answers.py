"""What the page is answered in states that are hard to come by: the server's own words with a few of them changed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Error, Route

Answer = Callable[[Route], None]
Change = Callable[[Any], None]


def changed(change: Callable[[Any], None]) -> Callable[[Route], None]:
    """The server's own answer with something changed in it."""

    def answer(route: Route) -> None:
        if route.request.method != "GET":
            return route.continue_()
        # The page may have gone on meanwhile, and wants no answer any more.
        with suppress(Error):
            response = route.fetch(timeout=120_000)
            body = response.json()
            change(body)
            route.fulfill(response=response, json=body)
        return None

    return answer


def broken(
    code: str = "internal_error", status: int = 500, message: str = "Something failed inside the service."
) -> Callable[[Route], None]:
    """A refusal as the API words it."""
    body = {
        "error": {
            "code": code,
            "message": message,
            "details": {},
            "suggestion": "Try again; the log has more.",
            "request_id": "0123abcd",
        }
    }
    return lambda route: route.fulfill(status=status, json=body)


def instead(body: dict[str, Any]) -> Callable[[Route], None]:
    """This answer in place of the server's."""
    return lambda route: route.fulfill(json=body)


def never(_: Route) -> None:
    """No answer at all, as from a slow server."""


def in_all_states(body: dict[str, Any]) -> None:
    """The cards of a list, spread over the states that there are."""
    first = body["items"][0]
    for state in ("created", "processing", "failed"):
        body["items"].append(
            {
                **first,
                "id": f"{state}-{first['id']}",
                "name": f"One that is {state}",
                "status": state,
                "progress_percentage": 43.0,
            }
        )


ERROR = {
    "code": "too_few_placed",
    "message": "Only 2 of 11 photos could be placed: the others share too little with them.",
    "suggestion": "Take photos closer together, about 20 degrees apart, so that each overlaps the last by two thirds.",
}


def at_work(recorded: list[dict[str, Any]], state: str) -> tuple[Change, Change]:
    """Changes of status and list of runs that put the newest of the ``recorded`` generate runs into a state."""
    run = {
        "status": state,
        "stage": "training",
        "progress_percentage": 43.0,
        "message": "Step 860 of 2000, 41 200 Gaussians",
        "finished_at": None,
    }
    if state == "queued":
        run |= {"stage": None, "progress_percentage": 0.0, "message": ""}
    if state == "failed":
        run |= {"stage": "mapping", "error": ERROR}
    generate = next(one for one in recorded if one["step"] == "generate")
    now = datetime.now(UTC)
    queued = (now - timedelta(seconds=95)).isoformat()
    run |= {"queued_at": queued, "timings": {}, "started_at": None if state == "queued" else queued}
    if state in ("failed", "cancelled"):
        run["finished_at"] = now.isoformat()

    def runs(body: dict[str, Any]) -> None:
        for one in body["items"]:
            if one["id"] == generate["id"]:
                one |= run

    def status(body: dict[str, Any]) -> None:
        body["project"]["status"] = (
            "failed" if state == "failed" else "uploaded" if state == "cancelled" else "processing"
        )
        body["models"] = []
        if state in ("queued", "running"):
            told = {name: run[name] for name in ("status", "stage", "progress_percentage", "message", "started_at")}
            body["current_run"] = told | {
                "run_id": generate["id"],
                "step": "generate",
                "attempt": 1,
                "queued_at": queued,
                "cancel_requested": False,
                "queue_position": 2,
                "waits_for": "turn",
                "waits_note": "It waits for the run before it.",
                "starts_in_s": 95.0,
                "eta_s": 340.0,
                "eta_p90_s": 520.0,
                "eta_note": "",
            }

    return status, runs

"""What answers say about when a run starts and when it is done."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from maquette.queue.forecast import Outlook, WaitsFor

POSITION = "0: at work; from 1: its place in the whole line, other people's runs counted."


class Ahead(BaseModel):
    """When an unfinished run starts and when it is done; all null or empty for one that has ended."""

    starts_in_s: float | None = Field(
        None,
        description="Seconds until a worker takes it, by the work left before it and the workers that live; null: it is"
        " at work or has ended, or there is no history yet of what is before it.",
        examples=[95.0],
    )
    eta_s: float | None = Field(
        None,
        description="Seconds until it is done, waiting included, as often too long as too short; null: unknown.",
        examples=[240.5],
    )
    eta_p90_s: float | None = Field(
        None, description="Seconds in which nine of ten such runs are done; null: unknown.", examples=[310.0]
    )
    eta_note: str = Field(
        "",
        description="What the estimate rests on, or why there is none.",
        examples=["by 12 earlier runs of the same kind and size", "no history yet"],
    )
    waits_for: WaitsFor | None = Field(
        None,
        description="What a waiting run waits for: its `turn`, its own `project`'s run at work, the time of"
        " `another_attempt`, or a `worker` that could take it, none of which lives.",
        examples=["turn"],
    )
    waits_note: str = Field(
        "",
        description="The same as a sentence.",
        examples=["2 runs are ahead of it in line, and 1 at work."],
    )


def told(outlook: Outlook | None) -> dict[str, Any]:
    """The fields of :class:`Ahead`; those of a run that has ended for None."""
    if outlook is None:
        return Ahead().model_dump()
    return {
        "starts_in_s": _rounded(outlook.starts_in_s),
        "eta_s": _rounded(outlook.left.p50_s),
        "eta_p90_s": _rounded(outlook.left.p90_s),
        "eta_note": outlook.left.note,
        "waits_for": outlook.waits_for,
        "waits_note": outlook.waits_note,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)

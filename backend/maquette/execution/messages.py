"""What the child process of a step says to its parent: one JSON object a line."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter

from maquette.steps.records import Preview, Record, Warn


class Progressed(BaseModel):
    """How far a stage is."""

    type: Literal["progress"] = "progress"
    stage: str
    fraction: float
    message: str = ""


class Finished(BaseModel):
    """A record is finished; the child waits for a line ``kept`` before it goes on."""

    type: Literal["record"] = "record"
    record: Record


class Showed(BaseModel):
    """A picture of the training under way; the child does not wait for it."""

    type: Literal["preview"] = "preview"
    preview: Preview


class Warned(BaseModel):
    """Something the user should know."""

    type: Literal["warning"] = "warning"
    warning: Warn


class Done(BaseModel):
    """The step ended well."""

    type: Literal["done"] = "done"
    result: dict[str, Any]
    timings: dict[str, float]


class Failed(BaseModel):
    """The step ended with an error the user can see."""

    type: Literal["error"] = "error"
    error: dict[str, Any]
    status: int


Message = Annotated[Progressed | Finished | Showed | Warned | Done | Failed, Field(discriminator="type")]
message_adapter: TypeAdapter[Message] = TypeAdapter(Message)

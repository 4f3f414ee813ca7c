"""Lists: ``{"items", "next"}``, read on with the cursor that the last page gave."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

Item = TypeVar("Item")


class Listing(BaseModel, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next: str | None = Field(description="Pass it as `cursor` to read on; null at the end.", examples=[None])


Limit = Annotated[
    int, Query(ge=1, le=500, description="Entries at most in one answer, a count. Default 100.", examples=[100])
]
Cursor = Annotated[
    str | None,
    Query(
        max_length=500,
        pattern=r"^[A-Za-z0-9_=-]*$",
        description="`next` of the page before, unchanged. Default: from the beginning.",
        examples=[
            "WyIwIiwgIjIwMjYtMDEtMDFUMDA6MDA6MDArMDA6MDAiLCAiMDAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMGFhIl0="
        ],
    ),
]

"""Path parameters that many calls share, documented once."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Path

ProjectId = Annotated[UUID, Path(description="The project, a UUID.", examples=["6f1c1f0e-5f0a-4c3b-9c53-0d4a3c0c7a11"])]
RunId = Annotated[UUID, Path(description="The run, a UUID.", examples=["0b8f6a52-3a5e-4b59-8d0f-6d1d6f0c2b22"])]
Version = Annotated[int, Path(ge=0, le=2**31 - 1, description="A model version, a count from 0.", examples=[0])]

SHARED = "/api/v1/shared/"
"""What follows in the address is a share link's key."""
SHARED_PAGE = "/v/"
"""The same, of the page that people are sent."""


def loggable(path: str) -> str:
    """The path of a call without the key of a share link, which is as good as a password."""
    for prefix in (SHARED, SHARED_PAGE):
        if path.startswith(prefix):
            return f"{prefix}…"
    return path

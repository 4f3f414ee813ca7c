"""Projects that tests of the page begin with."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.serving import send_photos


def with_photos(client: httpx.Client, photos: list[Path]) -> str:
    """A new project's id."""
    project_id: str = send_photos(client, photos).raise_for_status().json()["project_id"]
    return project_id

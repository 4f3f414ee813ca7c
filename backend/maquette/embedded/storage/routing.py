"""Routes whose last part is an object key: any text, line breaks too, so that the service itself can refuse it."""

from __future__ import annotations

import re
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.types import ASGIApp


class KeyRoute(Route):
    """A route in which ``{key:path}`` also takes line breaks."""

    def __init__(self, path: str, endpoint: Any, *, methods: list[str]) -> None:
        super().__init__(path, endpoint, methods=methods)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)


class _KeyMount(Mount):
    def __init__(self, path: str, app: ASGIApp) -> None:
        super().__init__(path, app)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)


def mount_storage(parent: Starlette, storage: ASGIApp) -> None:
    """Put the service at ``/storage/v1`` of an app; a plain ``mount`` would answer odd keys itself."""
    parent.router.routes.append(_KeyMount("/storage/v1", storage))

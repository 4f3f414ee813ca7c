"""/render/image: resized images are not offered, and that is said in Supabase's words for a project without them."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from maquette.embedded.storage.faults import Fault
from maquette.embedded.storage.routing import KeyRoute


def not_offered() -> Fault:
    """Somebody asked for an image in another size, quality or format."""
    return Fault(
        409,
        "FeatureNotEnabled",
        "The feature imageTransformation is not enabled for this resource",
        "FeatureNotEnabled",
    )


def refuse_transform(body: dict[str, Any]) -> None:
    """A fault where the body of a request for a signed address asks for one."""
    if body.get("transform"):
        raise not_offered()


async def render(request: Request) -> Response:
    """Never the original in place of what was asked for."""
    raise not_offered()


ROUTES = [KeyRoute("/render/image/{rest:path}", render, methods=["GET", "HEAD"])]

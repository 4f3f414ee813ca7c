"""Pictures of the one model that a share link shows, for whoever has the link."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from maquette.api.cameras import Asked
from maquette.api.problems import error_responses
from maquette.api.renders import ASK_AGAIN, PICTURE, IfNoneMatch, answer, busy, order_of
from maquette.api.service import Serving
from maquette.api.shared import ShareKey, what_is_shared
from maquette.errors import BadInputError
from maquette.rendering.errors import RenderBusyError
from maquette.rendering.jobs import BESIDE_THE_PHOTO

router = APIRouter(tags=["shares"])

SHARED_MAX_SIDE = 1024
"""px; a link's visitors get no larger pictures, whatever the owner may ask for."""

SHARED_PLACES = 4
"""Pictures that all visitors together may have in the making: the owner's own keep their place."""


class PhotosNotSharedError(BadInputError):
    """A link shows a model, not the photos it was made of."""

    code = "photos_not_shared"


@router.get(
    "/shared/{share_key}/render",
    response_class=Response,
    summary="Look at a shared model from any camera",
    responses={
        **PICTURE,
        **{status: told for status, told in error_responses(404, 410).items() if status not in (401, 403)},
    },
)
async def render_shared(
    request: Request,
    service: Serving,
    share_key: ShareKey,
    asked: Annotated[Asked, Query()],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """As the owner's call, up to 1024 px a side and without the photos; for a page's preview picture, say.

    `404 share_not_found`; `410 share_revoked`, `share_expired` or `file_removed`; `422 photos_not_shared`; `503 busy`.
    """
    if asked.output in BESIDE_THE_PHOTO:
        raise PhotosNotSharedError(
            "This link shows the model, not the photos that it was made of.",
            suggestion="Ask for `image`, `depth` or `alpha`.",
            output=asked.output,
        )
    async with service.transaction() as conn:
        _, model = await what_is_shared(conn, share_key)
        order = await order_of(conn, model, asked, min(SHARED_MAX_SIDE, service.settings.render_max_side))
    places: asyncio.Semaphore = service.shared_places
    if places.locked():
        return busy(RenderBusyError("visitors of share links wait already"))
    async with places:
        # Another version may be promoted, and the link revoked: each time is asked about.
        return await answer(request, service, order, if_none_match, ASK_AGAIN)

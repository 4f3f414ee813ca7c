"""Who sends a resumable upload.

Whoever created it, and nobody else, goes on with it: the same role and user, or, under /sign, whoever holds a token for
uploading this very object. All others are told that there is no such upload.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from starlette.requests import Request

from maquette.embedded.storage.callers import SERVICE, Caller
from maquette.embedded.storage.partials import Partial
from maquette.embedded.storage.service import service_of
from maquette.embedded.storage.tokens import verify
from maquette.embedded.storage.tus import TusFault, gone, not_found


@dataclass(frozen=True)
class Sender:
    """``owner`` is the user who will own the object; ``signed``: by a token, with the service's rights."""

    caller: Caller
    owner: str | None
    upsert: bool
    signed: bool

    def sent(self, partial: Partial) -> bool:
        """Whether this is the one who created the upload."""
        return (partial.role, partial.owner, partial.signed) == (self.caller.role, self.owner, self.signed)


def identify_sender(request: Request, signed: bool, bucket: str, key: str) -> Sender:
    """Who asks, by key or by a token for this object; a fault for neither."""
    service = service_of(request)
    if signed:
        token = request.headers.get("x-signature")
        if not token:
            raise TusFault(400, "Missing x-signature header")
        grant = verify(service.keys, "upload", bucket, key, token)
        return Sender(SERVICE, grant.owner, grant.upsert, signed)
    caller = service.caller(request)
    return Sender(caller, caller.owner, request.headers.get("x-upsert", "").lower() == "true", signed)


async def find_upload(request: Request, signed: bool) -> tuple[Partial, Sender]:
    """The upload that a request names, if it is its sender's."""
    partial = await service_of(request).partials.find(request.path_params["upload"])
    if partial is None:
        raise not_found()
    sender = identify_sender(request, signed, partial.bucket, partial.key)
    if not sender.sent(partial):
        raise not_found()
    if partial.expires_at < time.time():
        raise gone()
    return partial, sender

"""What a page needs to follow its projects live with the unmodified supabase-js."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
from fastapi import APIRouter
from pydantic import BaseModel, Field

from maquette.api.owners import Owner
from maquette.api.problems import error_responses
from maquette.api.service import Service, Serving
from maquette.api.tokens import AUDIENCE, ROLE
from maquette.db.check import FOLLOWED

router = APIRouter(tags=["status"])

LIFETIME = timedelta(hours=1)
"""As long as Supabase's own access tokens live unless a project is set otherwise."""


class Session(BaseModel):
    """Where Realtime and Storage are, and how to be known there."""

    owner_id: UUID = Field(description="The caller: `owner_id` of their projects.")
    embedded: bool = Field(description="Whether this server itself answers for Realtime and Storage.")
    supabase_url: str = Field(
        description="First argument of supabase-js' `createClient`.", examples=["http://127.0.0.1:8400"]
    )
    publishable_key: str = Field(
        description="Its second argument. It is no secret.", examples=["sb_publishable_example"]
    )
    access_token: str | None = Field(
        description="For supabase-js on the embedded stack; it reads what the caller owns and is not taken by this API."
        " Give `createClient` an `accessToken` that calls here and answers this: supabase-js asks it again by itself."
        " Null beside Supabase, where a page has a session of its own by signing in; a machine key alone cannot follow"
        " Realtime there.",
    )
    expires_at: datetime | None = Field(description="When `access_token` ends, an hour from now: ask again before.")
    realtime_tables: list[str] = Field(
        description="Tables whose changes `postgres_changes` tells, in the schema `public`.", examples=[list(FOLLOWED)]
    )


@router.get("/session", response_model=Session, summary="How a page follows live", responses=error_responses())
async def read_session(service: Serving, owner: Owner) -> Session:
    """Addresses, keys and, on the embedded stack, a token for supabase-js. Never cached: it holds a credential."""
    token, expires_at = _mint(service, owner)
    connections = service.connections
    return Session(
        owner_id=owner,
        embedded=connections.embedded,
        # The embedded services are reached the way this call came.
        supabase_url=service.public_url if connections.embedded else connections.supabase_url,
        publishable_key=connections.publishable_key,
        access_token=token,
        expires_at=expires_at,
        realtime_tables=list(FOLLOWED),
    )


def _mint(service: Service, owner: UUID) -> tuple[str | None, datetime | None]:
    """What Supabase Auth would give the owner; only the embedded stack may sign for it."""
    if not service.connections.embedded or service.connections.jwt_secret is None:
        return None, None
    now = datetime.now(UTC).replace(microsecond=0)
    claims = {
        "iss": f"{service.connections.supabase_url}/auth/v1",
        "sub": str(owner),
        "aud": AUDIENCE,
        "role": ROLE,
        "iat": now,
        "exp": now + LIFETIME,
    }
    return jwt.encode(claims, service.connections.jwt_secret, "HS256"), now + LIFETIME

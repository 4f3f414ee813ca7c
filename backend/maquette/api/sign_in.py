"""How a person signs in here: what the page asks before it knows who looks at it."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from maquette.api.problems import error_responses
from maquette.api.service import Serving

router = APIRouter(tags=["status"])


class SignIn(BaseModel):
    """What this server takes for credentials. Nothing here is a secret."""

    method: Literal["none", "key", "supabase"] = Field(
        description="`none`: programs on the server's own machine need no credentials. `key`: every call needs a"
        " machine key. `supabase`: people sign in with Supabase Auth, and programs have keys.",
    )
    supabase_url: str | None = Field(
        description="First argument of supabase-js' `createClient`; null where nobody signs in with Supabase.",
        examples=["https://ref.supabase.co"],
    )
    publishable_key: str | None = Field(description="Its second argument.", examples=["sb_publishable_example"])


@router.get(
    "/sign-in",
    response_model=SignIn,
    summary="How to sign in",
    responses={status: told for status, told in error_responses().items() if status not in (401, 403)},
)
async def read_sign_in(service: Serving) -> SignIn:
    """Needs no credentials: it says which ones there are."""
    connections = service.connections
    if connections.embedded:
        method: Literal["none", "key"] = "key" if service.settings.api_keys else "none"
        return SignIn(method=method, supabase_url=None, publishable_key=None)
    return SignIn(method="supabase", supabase_url=connections.supabase_url, publishable_key=connections.publishable_key)

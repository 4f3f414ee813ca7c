"""Share links, as their owner makes, lists and revokes them; what visitors see is in shared.py."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Path, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from maquette.api.owners import Owner
from maquette.api.pages import Cursor, Limit, Listing
from maquette.api.paths import SHARED, SHARED_PAGE, ProjectId
from maquette.api.problems import error_responses
from maquette.api.repeats import IdempotencyKey, Keyed
from maquette.api.service import Service, Serving
from maquette.api.shapes import Shape
from maquette.db import projects, records, shares
from maquette.db.rows import Row
from maquette.errors import BadInputError

router = APIRouter(tags=["shares"])


class ExpiryPassedError(BadInputError):
    """A link that would have expired before it was made."""

    code = "expiry_passed"


class NewShare(BaseModel):
    """A link to be."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    title: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="What visitors read above the model. Default: the project's name as it is now.",
        examples=["Garden fountain"],
    )
    version: int | None = Field(
        None,
        ge=0,
        le=2**31 - 1,
        description="The version to show. Default: the one that is promoted when somebody looks.",
        examples=[0],
    )
    allow_download: bool = Field(
        False,
        description="Offer files to take away. Whoever sees a model in a browser has its splats in memory, so this"
        " decides what is offered; it is no copy protection.",
        examples=[True],
    )
    expires_at: AwareDatetime | None = Field(
        None,
        description="When the link stops working, with time zone. Default: never.",
        examples=["2031-01-01T00:00:00Z"],
    )


UNTITLED = NewShare()


class Share(Shape):
    """A link, as its owner sees it."""

    id: UUID
    project_id: UUID
    share_key: str = Field(description="Opens the link: give it to those who shall see the model.")
    url: str = Field(
        description="The link itself: a page with the model, for anybody who has it. `?noui` behind it leaves the model"
        " alone, to stand in a frame of another page. `GET /api/v1/shared/{share_key}` is the same for programs.",
        examples=["http://127.0.0.1:8400/v/kT0mC4nQ2s9vX1yZ8bL3fR7hJ5wD6gPaUeNiOqAtSx0"],
    )
    title: str
    version: int | None = Field(description="Null: the version that is promoted when somebody looks.")
    allow_download: bool
    state: Literal["active", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_viewed_at: datetime | None = Field(description="To the minute; null: nobody looked yet.")


ShareId = Annotated[UUID, Path(description="The link, a UUID.", examples=["4be0ad52-0c1d-4a8f-9d7e-3d0e8b1c2f33"])]


@router.post(
    "/projects/{project_id}/shares",
    status_code=201,
    response_model=Share,
    summary="Make a share link",
    responses={
        200: {"model": Share, "description": "An earlier call with the same Idempotency-Key made it."},
        **error_responses(404, 409, 413),
    },
)
async def create_share(
    service: Serving,
    owner: Owner,
    project_id: ProjectId,
    response: Response,
    body: Annotated[NewShare, Body()] = UNTITLED,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Anybody who has the link can look at the model, without signing in. It can be revoked at any time.

    `409 nothing_generated` before a generate; `404 version_not_found`.
    """
    if body.expires_at is not None and body.expires_at <= datetime.now(UTC):
        raise ExpiryPassedError(
            "expires_at lies in the past.", suggestion="Give a later moment, or leave it out.", field="expires_at"
        )
    keyed = Keyed.of(project_id, "share", idempotency_key, body)
    async with service.transaction() as conn:
        project = await projects.get(conn, project_id, owner)
        if keyed and (made := await keyed.made_before(conn)):
            row = await shares.get(conn, project_id, made)
            response.status_code = 200
        else:
            await records.model(conn, project_id, body.version)
            row = await shares.create(
                conn,
                project_id,
                title=body.title or project["name"],
                version=body.version,
                allow_download=body.allow_download,
                expires_at=body.expires_at,
            )
            if keyed:
                await keyed.keep(conn, project_id, row["id"])
    share = _with_url(service, row)
    response.headers["Location"] = f"{SHARED}{share['share_key']}"
    return share


@router.get(
    "/projects/{project_id}/shares",
    response_model=Listing[Share],
    summary="The share links",
    responses=error_responses(404),
)
async def list_shares(
    service: Serving, owner: Owner, project_id: ProjectId, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Newest first, those that were revoked or have expired among them."""
    async with service.transaction() as conn:
        await projects.get(conn, project_id, owner)
        page = await shares.page(conn, project_id, limit=limit, cursor=cursor)
    return {"items": [_with_url(service, row) for row in page.items], "next": page.next}


@router.delete(
    "/projects/{project_id}/shares/{share_id}",
    status_code=204,
    summary="Revoke a share link",
    responses=error_responses(404),
)
async def revoke_share(service: Serving, owner: Owner, project_id: ProjectId, share_id: ShareId) -> None:
    """For good and at once; addresses that it gave out before end by themselves within a quarter of an hour.

    `404 share_not_found`. A link that was revoked before stays so, and this says nothing else.
    """
    async with service.transaction() as conn:
        await projects.get(conn, project_id, owner)
        await shares.revoke(conn, project_id, share_id)


def _with_url(service: Service, row: Row) -> dict[str, Any]:
    return {**row, "url": f"{service.public_url}{SHARED_PAGE}{row['share_key']}"}

"""Webhooks: others' programs are called when something happened in a project, instead of asking again and again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from maquette.api.owners import Owner
from maquette.api.pages import Cursor, Limit, Listing
from maquette.api.problems import error_responses
from maquette.api.service import Serving
from maquette.api.shapes import Shape
from maquette.db import deliveries, projects, webhooks
from maquette.db.rows import Row
from maquette.webhooks.addresses import check_url

router = APIRouter(tags=["webhooks"])

_Url = Annotated[
    str,
    Field(
        min_length=8,
        max_length=2000,
        description="A public https address. It is sent a POST for each event, and has ten seconds to answer 2xx."
        " Redirects are not followed.",
        examples=["https://example.org/hooks/maquette"],
    ),
]
_Types = Annotated[
    list[webhooks.Told],
    Field(min_length=1, max_length=len(webhooks.TOLD), description="What it hears of.", examples=[["run.completed"]]),
]
_Words = Annotated[
    str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$", description="For people.", examples=["Build server"])
]


class NewWebhook(BaseModel):
    """A webhook to be."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    url: _Url
    types: _Types = Field(
        default_factory=lambda: list(webhooks.TOLD),
        description="What it hears of. Default: all.",
        examples=[["run.failed"]],
    )
    project_id: UUID | None = Field(
        None, description="Only of this project. Default: of all yours, old and new.", examples=[None]
    )
    description: _Words = Field("", description="For people.", examples=["Build server"])


class WebhookChange(BaseModel):
    """What is to be different."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    url: _Url | None = Field(None, examples=["https://example.org/hooks/maquette"], description="Another address.")
    types: _Types | None = Field(None, examples=[["run.completed"]], description="What it hears of from now on.")
    description: _Words | None = Field(None, examples=["Build server"], description="For people.")
    disabled: bool | None = Field(
        None,
        description="A disabled webhook is told nothing; what waited for it is told when it is enabled again.",
        examples=[True],
    )


class Webhook(Shape):
    """A webhook, without its secret."""

    id: UUID
    project_id: UUID | None = Field(description="Null: all projects.")
    url: str
    types: list[str]
    description: str
    state: Literal["active", "disabled"]
    created_at: datetime
    disabled_at: datetime | None
    disabled_because: str | None


class WebhookWithSecret(Webhook):
    """A webhook as it is made."""

    secret: str = Field(
        description="Checks the signatures of calls (standardwebhooks.com). Shown this once.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="],
    )


class Delivery(Shape):
    """One event on its way to one webhook."""

    id: UUID = Field(description="The `webhook-id` of the call, the same at every attempt.")
    project_id: UUID | None
    seq: int | None = Field(description="Of the project's event; null: a test.")
    type: str
    payload: dict[str, Any]
    status: Literal["waiting", "delivered", "failed"]
    attempts: int
    next_attempt_at: datetime | None = Field(description="Null: there is none to come.")
    created_at: datetime
    last_attempt_at: datetime | None
    answered_status: int | None = Field(description="HTTP status of the last answer; null: there was none.")
    answered_after_s: float | None
    error: str | None = Field(description="Why the last attempt was no success.")


WebhookId = Annotated[UUID, Path(description="The webhook, a UUID.", examples=["1f8b7f8e-4a43-4df1-9f5b-6f3a1b1c2d4e"])]
DeliveryId = Annotated[
    UUID, Path(description="The delivery, a UUID.", examples=["7c0c5d1e-52a2-4cbb-8d25-2d9d3b1f0a11"])
]


@router.post(
    "/webhooks",
    status_code=201,
    response_model=WebhookWithSecret,
    summary="Make a webhook",
    responses=error_responses(404, 409, 413),
)
async def create_webhook(
    service: Serving, owner: Owner, response: Response, body: Annotated[NewWebhook, Body()]
) -> dict[str, Any]:
    """Calls are signed by the answer's `secret`, which is not shown again, and tried for 24 hours.

    `422 webhook_address_refused` for addresses of private networks, `409 too_many_webhooks` beyond 20.
    """
    check_url(body.url, service.settings.webhook_hosts)
    async with service.transaction() as conn:
        if body.project_id is not None:
            await projects.get(conn, body.project_id, owner)
        row = await webhooks.create(
            conn,
            owner,
            url=body.url,
            types=body.types,
            project_id=body.project_id,
            description=body.description,
        )
    response.headers["Location"] = f"/api/v1/webhooks/{row['id']}"
    response.headers["Cache-Control"] = "no-store"
    return row


@router.get("/webhooks", response_model=Listing[Webhook], summary="Your webhooks", responses=error_responses())
async def list_webhooks(service: Serving, owner: Owner, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
    """Newest first."""
    async with service.transaction() as conn:
        page = await webhooks.page(conn, owner, limit=limit, cursor=cursor)
    return {"items": page.items, "next": page.next}


@router.get("/webhooks/{webhook_id}", response_model=Webhook, summary="One webhook", responses=error_responses(404))
async def read_webhook(service: Serving, owner: Owner, webhook_id: WebhookId) -> Row:
    """`404 webhook_not_found`."""
    async with service.transaction() as conn:
        return await webhooks.get(conn, owner, webhook_id)


@router.patch(
    "/webhooks/{webhook_id}",
    response_model=Webhook,
    summary="Change, disable or enable a webhook",
    responses=error_responses(404, 413),
)
async def change_webhook(
    service: Serving, owner: Owner, webhook_id: WebhookId, body: Annotated[WebhookChange, Body()]
) -> Row:
    """What is left out stays. A webhook that answered 410 was disabled by that, and is enabled here again."""
    if body.url is not None:
        check_url(body.url, service.settings.webhook_hosts)
    values = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    async with service.transaction() as conn:
        row = await webhooks.change(conn, owner, webhook_id, values)
        await deliveries.wake(conn)
        return row


@router.delete("/webhooks/{webhook_id}", status_code=204, summary="Delete a webhook", responses=error_responses(404))
async def delete_webhook(service: Serving, owner: Owner, webhook_id: WebhookId) -> None:
    """With the log of its deliveries; what waits is not delivered."""
    async with service.transaction() as conn:
        await webhooks.delete(conn, owner, webhook_id)


@router.post(
    "/webhooks/{webhook_id}/secret",
    response_model=WebhookWithSecret,
    summary="Another secret",
    responses=error_responses(404),
)
async def renew_webhook_secret(service: Serving, owner: Owner, webhook_id: WebhookId, response: Response) -> Row:
    """For 24 hours calls are signed by the old one too, so that the other side can change over without a loss."""
    response.headers["Cache-Control"] = "no-store"
    async with service.transaction() as conn:
        return await webhooks.renew_secret(conn, owner, webhook_id)


@router.post(
    "/webhooks/{webhook_id}/test",
    status_code=202,
    response_model=Delivery,
    summary="Send a test",
    responses=error_responses(404),
)
async def test_webhook(service: Serving, owner: Owner, webhook_id: WebhookId) -> dict[str, Any]:
    """A call of type `test`, tried once, to a disabled webhook too. How it went is in its deliveries."""
    async with service.transaction() as conn:
        await webhooks.get(conn, owner, webhook_id)
        return _shown(await deliveries.add_test(conn, webhook_id))


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    response_model=Listing[Delivery],
    summary="What was told, and what waits",
    responses=error_responses(404),
)
async def list_deliveries(
    service: Serving, owner: Owner, webhook_id: WebhookId, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Newest first; kept for 30 days."""
    async with service.transaction() as conn:
        await webhooks.get(conn, owner, webhook_id)
        page = await deliveries.page(conn, webhook_id, limit=limit, cursor=cursor)
    return {"items": [_shown(row) for row in page.items], "next": page.next}


@router.post(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/retry",
    status_code=202,
    response_model=Delivery,
    summary="Deliver once more",
    responses=error_responses(404, 409),
)
async def retry_delivery(
    service: Serving, owner: Owner, webhook_id: WebhookId, delivery_id: DeliveryId
) -> dict[str, Any]:
    """Of what was given up or delivered. The id stays, so a receiver that had it already can tell.

    `404 delivery_not_found`; `409 delivery_waits` while it is still being tried.
    """
    async with service.transaction() as conn:
        await webhooks.get(conn, owner, webhook_id)
        return _shown(await deliveries.again(conn, webhook_id, delivery_id))


def _shown(row: Row) -> dict[str, Any]:
    return {**row, "next_attempt_at": row["next_attempt_at"] if row["status"] == "waiting" else None}

"""How a training under way looks."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from maquette.api.links import with_links
from maquette.api.owners import Owner
from maquette.api.paths import RunId
from maquette.api.problems import error_responses
from maquette.api.service import Serving
from maquette.api.shapes import SIGNED, Shape, StoredObject
from maquette.db import runs, training_previews

router = APIRouter(tags=["runs"])


class TrainingPreview(Shape):
    """The newest render of one view, to be seen beside its photo."""

    attempt: int = Field(description="The attempt that rendered it, from 1.", examples=[1])
    iteration: int = Field(description="Counted from the first version's very first one.", examples=[900])
    iterations: int = Field(description="To which the training goes on.", examples=[1500])
    psnr: float = Field(description="Of the render against the photo, at its size, dB.", examples=[22.4])
    width: int = Field(description="Of the render, px.")
    height: int
    view_index: int
    split: Literal["training", "held_out"] = Field(description="`held_out`: the training never sees this photo.")
    photo_name: str | None = Field(description="As its uploader called the photo.", examples=["IMG_0412.jpg"])
    created_at: datetime
    render_url: str | None = Field(description=SIGNED)
    photo_url: str | None = Field(description=SIGNED)
    objects: dict[str, StoredObject]


class RunPreview(BaseModel):
    """What a run shows of its training."""

    run_id: UUID
    preview: TrainingPreview | None = Field(
        description="Null: the training has not begun, or the run is completed and its versions have previews."
    )


@router.get(
    "/runs/{run_id}/preview",
    response_model=RunPreview,
    summary="See how a training looks just now",
    responses=error_responses(404),
)
async def read_run_preview(service: Serving, owner: Owner, run_id: RunId) -> dict[str, Any]:
    """A new picture comes about every 15 seconds; the event `preview` says that one is there.

    Of a run that failed or was cancelled the last picture stays until the work is taken up again or has had its time.
    """
    async with service.transaction() as conn:
        run = await runs.get(conn, run_id, owner)
        row = await training_previews.read(conn, run["project_id"], run_id)
    return {"run_id": run_id, "preview": (await with_links(service, [row]))[0] if row else None}

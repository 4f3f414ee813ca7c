"""Whether this process should be sent calls: 200, or 503 and what is missing."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from maquette.api.parts import Part, look_at_parts
from maquette.api.problems import error_responses
from maquette.api.service import Serving

router = APIRouter(tags=["status"])

PATIENCE_S = 0.9


class Ready(BaseModel):
    """Ready where database and storage are; a worker is not needed to take calls."""

    ready: bool = Field(examples=[True])
    database: Part = Field(description="It answers and has the tables of this Maquette.")
    storage: Part = Field(description="It answers and has all buckets.")
    worker: Part = Field(description="Told, not counted: without one, steps wait in line.")


@router.get(
    "/ready",
    response_model=Ready,
    summary="Whether calls would work",
    responses={503: {"model": Ready, "description": "Not ready: the parts say why."}, 500: error_responses()[500]},
)
async def read_ready(service: Serving, response: Response) -> Ready:
    """For load balancers and orchestrators; needs no credentials."""
    parts = await look_at_parts(service, PATIENCE_S)
    ready = parts.database.ok and parts.storage.ok
    if not ready:
        response.status_code = 503
        response.headers["Retry-After"] = "5"
    return Ready(ready=ready, database=parts.database, storage=parts.storage, worker=parts.worker)

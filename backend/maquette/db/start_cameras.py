"""Where looking at a project's models begins: what its owner may say, and which of its versions it is for."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from maquette.db.rows import Connection, Row, fetch_one

FARTHEST = 1e9
"""World units: more than any captured world has, and far from where floats end."""
LEAST = 1e-6
"""Of directions and distances, against the numbers that they are made of: nearer than this they point nowhere."""

Number = Annotated[float, Field(ge=-FARTHEST, le=FARTHEST, allow_inf_nan=False)]
Triple = tuple[Number, Number, Number]


class StartCamera(BaseModel):
    """A view of a model, in its captured world (OpenCV axes of structure-from-motion, arbitrary scale)."""

    model_config = ConfigDict(extra="forbid")

    position: Triple = Field(description="World units.", examples=[[0.4, -0.2, -3.1]])
    target: Triple = Field(description="The point that is turned about; straight ahead.", examples=[[0, 0, 0.5]])
    up: Triple = Field(description="Which way is up, for turning too; of any length.", examples=[[0, -1, 0]])
    fov_deg: float = Field(
        ge=1,
        le=170,
        allow_inf_nan=False,
        description="Field of view across the shorter side of the picture.",
        examples=[50],
    )

    @model_validator(mode="after")
    def _looks_somewhere(self) -> Self:
        ahead = tuple(there - here for here, there in zip(self.position, self.target, strict=True))
        way, height = math.hypot(*ahead), math.hypot(*self.up)
        if way <= LEAST * max(1.0, *map(abs, self.position)):
            raise ValueError("position and target must be apart: it would look nowhere")
        if height <= LEAST:
            raise ValueError("up must have a length")
        (x, y, z), (a, b, c) = ahead, self.up
        across = math.hypot(y * c - z * b, z * a - x * c, x * b - y * a)
        if across <= LEAST * way * height:
            raise ValueError("up must not be the direction of looking")
        return self


class ChosenStart(StartCamera):
    """A start camera with the version it was chosen at."""

    version: int = Field(
        ge=0,
        le=2**31 - 1,
        description="It holds for all versions with the same `view_run_id`: another generate has another world.",
        examples=[2],
    )


async def for_model(conn: Connection, model: Row) -> StartCamera | None:
    """Where looking at a version begins; None where nobody chose for the generate that it lives in."""
    row = await fetch_one(
        conn,
        "select p.start_camera from public.projects p join public.gaussian_splat_models m on m.project_id = p.id"
        " and m.version = (p.start_camera ->> 'version')::integer and m.view_run_id = %s where p.id = %s",
        [model["view_run_id"], model["project_id"]],
    )
    if row is None:
        return None
    chosen = ChosenStart.model_validate(row["start_camera"])
    return StartCamera(**chosen.model_dump(exclude={"version"}))

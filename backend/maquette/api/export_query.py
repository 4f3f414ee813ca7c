"""An export's options as query parameters, described where their home is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from maquette.steps.parameters import ExportParameters


def _described(name: str, *, default: str = "", example: Any = None, **bounds: Any) -> Any:
    description = f"{ExportParameters.model_fields[name].description}{default}"
    return Query(description=description, examples=[example], **bounds)


def _asked(
    file_format: Annotated[str, _described("format", example="ply", alias="format", max_length=40)] = "ply",
    version: Annotated[int | None, _described("version", example=0, ge=0, le=2**31 - 1)] = None,
    preset: Annotated[str | None, _described("preset", example="balanced", max_length=20)] = None,
    filter_floaters: Annotated[bool, _described("filter_floaters", default=" Default: false.", example=False)] = False,
    optimize: Annotated[bool, _described("optimize", default=" Default: false.", example=False)] = False,
    up_axis: Annotated[str, _described("up_axis", example="auto", max_length=20)] = "auto",
    scale: Annotated[float, _described("scale", example=1.0, gt=0, le=1e6)] = 1.0,
    origin: Annotated[str, _described("origin", example="captured", max_length=20)] = "captured",
    crop: Annotated[
        str | None,
        _described(
            "crop",
            default=" Six numbers with commas. Default: the whole model.",
            example="-1,-1,-1,1,1,1",
            max_length=200,
        ),
    ] = None,
    light: Annotated[bool, _described("light", default=" Default: false.", example=False)] = False,
) -> ExportParameters:
    try:
        return ExportParameters.model_validate(
            {
                "format": file_format,
                "version": version,
                "preset": preset,
                "filter_floaters": filter_floaters,
                "optimize": optimize,
                "up_axis": up_axis,
                "scale": scale,
                "origin": origin,
                "crop": None if crop is None else crop.split(","),
                "light": light,
            }
        )
    except ValidationError as error:
        told = [{**one, "loc": ("query", *one["loc"])} for one in error.errors(include_url=False)]
        raise RequestValidationError(told) from error


AskedExport = Annotated[ExportParameters, Depends(_asked)]

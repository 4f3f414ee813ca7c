"""The formats that models can be exported in."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from maquette.api.owners import Owner
from maquette.api.problems import error_responses
from maquette.api.service import Serving
from maquette.execution.engines import setups_of
from maquette.settings import Settings
from maquette.steps.engines import ENGINES, Engine

router = APIRouter(tags=["records"])


class FormatShape(BaseModel):
    """A format, and whether this server can write it."""

    name: str = Field(examples=["glb"])
    kind: str = Field(
        description="`gaussians`, `mesh`, `points`, `cameras` or `project`: what a file holds.", examples=["mesh"]
    )
    extension: str = Field(examples=[".glb"])
    mime: str = Field(examples=["model/gltf-binary"])
    description: str
    opens_in: list[str] = Field(description="Programs that people open such files with, best known first.")
    up_axis: str = Field(
        description="What those take for up, and `up_axis=auto` gives them; empty: there is none.", examples=["y"]
    )
    optimizations: list[str] = Field(description="What `optimize` does here; none: it is refused.")
    lossless: bool
    keeps_provenance: bool = Field(description="Whether the file says where it comes from.")
    extra: str | None = Field(description="What must be installed for it that is not: `pip install 'maquette[usd]'`.")


class Formats(BaseModel):
    """Every format there is."""

    items: list[FormatShape]


@router.get("/formats", summary="What models can be exported in", responses=error_responses())
async def formats(service: Serving, owner: Owner) -> Formats:
    """Each with what opens it, and what `optimize` does to it. Those of compression programs only where this server is
    set up for them.
    """
    known = await asyncio.to_thread(lambda: _known(_compressors(service.settings)))
    return Formats(items=[FormatShape.model_validate(one) for one in known])


def _compressors(settings: Settings) -> list[Engine]:
    setups = setups_of(settings)
    return [engine for engine in ENGINES if engine.makes == "compressed" and setups[engine.name].available]


def _known(engines: list[Engine]) -> list[dict[str, Any]]:
    # Imported on first use: the formats need numpy, which the API can start without.
    from maquette.recon.bundle import BUNDLE
    from maquette.recon.formats import FORMATS

    return [
        {
            "name": one.name,
            "kind": one.kind,
            "extension": one.extension,
            "mime": one.mime,
            "description": one.description,
            "opens_in": list(one.opens_in),
            "up_axis": one.up_axis,
            "optimizations": sorted(one.optimizations),
            "lossless": one.lossless,
            "keeps_provenance": one.keeps_provenance,
            "extra": one.missing_extra(),
        }
        for one in FORMATS
    ] + [
        {
            "name": BUNDLE.name,
            "kind": "project",
            "extension": BUNDLE.extension,
            "mime": BUNDLE.mime,
            "description": BUNDLE.description,
            "opens_in": ["Maquette"],
            "up_axis": "",
            "optimizations": [],
            "lossless": True,
            "keeps_provenance": True,
            "extra": None,
        },
        *(
            {
                "name": one.name,
                "kind": "gaussians",
                "extension": one.extension,
                "mime": "application/octet-stream",
                "description": one.description,
                "opens_in": [],
                "up_axis": "",
                "optimizations": [],
                "lossless": False,
                "keeps_provenance": False,
                "extra": None,
            }
            for one in engines
        ),
    ]

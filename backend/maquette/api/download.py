"""A version to take away as one archive: mesh, texture, pictures and report, passed on piece by piece."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from maquette.api import readiness
from maquette.api.calls import call_step
from maquette.api.owners import Owner
from maquette.api.paths import ProjectId
from maquette.api.problems import error_responses
from maquette.api.results import Accepted
from maquette.api.service import Service, Serving
from maquette.api.steps import answer_call
from maquette.api.waiting import Wait, wait_for_end
from maquette.db import projects, records
from maquette.db.rows import Row
from maquette.errors import UnavailableError
from maquette.steps.folder import MESH_FILE
from maquette.steps.parameters import ExportParameters, Preset
from maquette.steps.presets import mesh_preset

router = APIRouter(tags=["steps"])

MADE_BY = "obj"
"""Any export of a mesh makes what the archive holds; this one adds the least."""
MOST_AT_ONCE = 8
"""Each holds a connection to storage for as long as its reader takes, and others need some too."""
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a ZIP can tell: two downloads of one mesh are the same bytes."""


class DownloadsBusyError(UnavailableError):
    """As many archives are on their way as this server sends at once."""

    code = "downloads_busy"


@router.get(
    "/projects/{project_id}/download",
    response_class=Response,
    summary="Mesh, texture, pictures and report in one archive",
    responses={
        200: {
            "description": "A ZIP of `mesh.obj`, `material.mtl`, `texture_*`, `preview_*`, `wireframe_*`, `poster.jpg`,"
            " `turntable.mp4` and `quality.json`.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        },
        202: {"model": Accepted, "description": "No mesh is made yet: an export that makes it is in line or at work."},
        **error_responses(404, 409, 410, 413),
    },
)
async def download(
    request: Request,
    service: Serving,
    owner: Owner,
    project_id: ProjectId,
    version: Annotated[
        int | None, Query(ge=0, le=2**31 - 1, description="Model version. Default: the promoted one.", examples=[0])
    ] = None,
    preset: Annotated[
        Preset | None, Query(description="How fine the mesh is. Default: the version's preset.", examples=["balanced"])
    ] = None,
    wait: Wait = 20,
) -> Response:
    """The first call of a version makes its mesh, which takes minutes: it answers 202 unless `wait` is long enough."""
    project, mesh = await _find(service, owner, project_id, version, preset)
    if mesh is None:
        parameters = ExportParameters(format=MADE_BY, version=version, preset=preset)
        prepare = await readiness.for_export(parameters, service.settings)
        call = await call_step(service, owner, project_id, "export", parameters, prepare)
        if call.run["status"] == "completed":
            # Its mesh has gone since.
            call = await call_step(service, owner, project_id, "export", parameters, prepare, fresh=True)
        call = await wait_for_end(service, owner, call, wait, request)
        if call.run["status"] != "completed":
            return await answer_call(service, owner, call, 0, request)
        # Another version may have been promoted meanwhile.
        project, mesh = await _find(service, owner, project_id, call.run["parameters"]["version"], preset)
    if mesh is None:
        raise RuntimeError(f"an export of project {project_id} left no mesh")
    if service.download_slots.locked():
        raise DownloadsBusyError(
            "Many archives are being downloaded from this server just now.", suggestion="Try again in a minute."
        )
    files = {name: one for name, one in sorted(mesh["objects"].items()) if name != MESH_FILE}
    name = quote(f"{project['name']} v{mesh['version']}.zip", safe="")
    pieces = _packed(service, files)
    # The first file is opened before anything is promised: what storage has lost is told in words.
    first = await anext(pieces)
    return StreamingResponse(
        _again(first, pieces),
        media_type="application/zip",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
    )


async def _find(
    service: Service, owner: UUID, project_id: UUID, version: int | None, preset: str | None
) -> tuple[Row, Row | None]:
    async with service.transaction() as conn:
        project = await projects.get(conn, project_id, owner)
        model = await records.model(conn, project_id, version)
        wanted = mesh_preset(preset, model["details"])
        return project, await records.mesh(conn, project_id, model["version"], wanted, filtered=False)


async def _packed(service: Service, files: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
    """The archive piece by piece, nothing compressed: pictures are already. Sizes and checksums follow each file."""
    out = _Passing()
    async with service.download_slots:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            for name, stored in files.items():
                told = zipfile.ZipInfo(name, LONG_AGO)
                told.external_attr = 0o644 << 16
                with archive.open(told, "w", force_zip64=stored["bytes"] >= zipfile.ZIP64_LIMIT) as part:
                    async for chunk in service.objects.stream(stored["bucket"], stored["path"]):
                        part.write(chunk)
                        yield out.taken()
        yield out.taken()


async def _again(first: bytes, others: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """What was looked at already, then the rest; whoever hangs up ends the rest too."""
    async with aclosing(others):
        yield first
        async for piece in others:
            yield piece


class _Passing:
    """What an archive is written to where nobody can go back: pieces wait until they are taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def flush(self) -> None:
        """Nothing waits anywhere else."""

    def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)

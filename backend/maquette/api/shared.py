"""What visitors of a share link see: one model, and nothing else of the project."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from maquette.api.links import download_link, with_links
from maquette.api.paths import SHARED
from maquette.api.problems import error_responses
from maquette.api.service import Service, Serving
from maquette.db import records, shares, views
from maquette.db.rows import Connection, Row
from maquette.db.start_cameras import StartCamera, for_model
from maquette.errors import MaquetteError

router = APIRouter(tags=["shares"])

SHARED_URL_S = 900
"""Signed addresses for strangers live a quarter of an hour: a page fetches the model at once. The storage service
looks at the clock when a download begins, not while it goes on."""

ShareKey = Annotated[
    str,
    Path(max_length=200, description="The key of a link.", examples=["kT0mC4nQ2s9vX1yZ8bL3fR7hJ5wD6gPaUeNiOqAtSx0"]),
]


class SharedFile(BaseModel):
    """A file of the shown version."""

    format: str = Field(examples=["ply"])
    bytes: int
    download_url: str | None = Field(description="Null where the link does not offer downloads.")


class SharedCamera(BaseModel):
    """Where a photo was taken, so that a page looks from there; neither its name nor its picture."""

    view_index: int
    camera_from_world: list[list[float]] = Field(description="4x4, row by row; OpenCV axes.")
    fx: float = Field(description="px, as cx, cy, width and height; pixel centres at +0.5.")
    fy: float
    cx: float
    cy: float
    width: int
    height: int


class Shared(BaseModel):
    """The one model that a link shows. It names neither the project nor its owner nor any other version."""

    model_config = ConfigDict(protected_namespaces=())

    title: str
    version: int
    model_url: str | None = Field(description="The splats, as PLY.")
    preview_url: str = Field(description="A picture of the model from its first camera, without the photo beside it.")
    cameras: list[SharedCamera] = Field(description="Pinhole cameras that the model was made from, in its own world.")
    start_camera: StartCamera | None = Field(
        description="Where its owner wants looking to begin; null: wherever shows it well."
    )
    allow_download: bool
    formats: list[SharedFile] = Field(description="The PLY, and whatever else this version was exported to.")
    urls_expire_at: datetime = Field(description="Until when the addresses can be fetched; ask again for new ones.")


@router.get(
    "/shared/{share_key}",
    response_model=Shared,
    summary="Look at a shared model",
    responses={status: told for status, told in error_responses(404, 410).items() if status not in (401, 403)},
)
async def read_shared(service: Serving, share_key: ShareKey) -> Shared:
    """Needs no credentials but the link's key. `404 share_not_found`; `410 share_revoked` or `share_expired`.

    Keys hold 256 random bits, so they cannot be found by trying.
    """
    async with service.transaction() as conn:
        share, model = await what_is_shared(conn, share_key)
        files = await shares.files(conn, share["project_id"], model["version"])
        cameras = await views.cameras(conn, model["view_run_id"])
        start = await for_model(conn, model)
        await shares.note_view(conn, share["id"])
    now = datetime.now(UTC)
    seconds = min(SHARED_URL_S, service.settings.signed_url_s)
    if share["expires_at"] is not None:
        seconds = max(1, min(seconds, int((share["expires_at"] - now).total_seconds())))
    # The addresses hold the object's path, and so the project's id. It is no secret: it opens nothing without
    # credentials of the owner.
    [linked] = await with_links(service, [{"objects": {"model": model["objects"]["model"]}}], seconds)
    return Shared(
        title=share["title"],
        version=model["version"],
        model_url=linked["model_url"],
        preview_url=_picture(service, share_key, cameras),
        cameras=[_camera(row) for row in cameras],
        start_camera=start,
        allow_download=share["allow_download"],
        formats=[await _file(service, share, model["version"], stored, seconds) for stored in files],
        urls_expire_at=now + timedelta(seconds=seconds),
    )


async def what_is_shared(conn: Connection, share_key: str) -> tuple[Row, Row]:
    """The link and the model that it shows. ``share_not_found``, ``share_revoked`` or ``share_expired``."""
    share = await shares.by_key(conn, share_key)
    try:
        return share, await records.model(conn, share["project_id"], share["version"])
    except MaquetteError:
        # Said in the words of a visitor, who knows nothing of the project.
        raise shares.ShareNotFoundError(
            "There is no model behind this link yet.", suggestion="Ask whoever sent it."
        ) from None


def _picture(service: Service, share_key: str, cameras: list[Row]) -> str:
    # The stored preview has photos beside the renders, and a link shows no photos: this one is drawn when it is asked.
    first = f"?view={cameras[0]['view_index']}" if cameras else ""
    return f"{service.public_url}{SHARED}{share_key}/render{first}"


def _camera(row: Row) -> SharedCamera:
    camera: dict[str, Any] = row["camera"]
    return SharedCamera(view_index=row["view_index"], **{name: camera[name] for name in _OF_CAMERAS})


_OF_CAMERAS = tuple(name for name in SharedCamera.model_fields if name != "view_index")


async def _file(service: Service, share: Row, version: int, stored: Row, seconds: int) -> SharedFile:
    url = None
    if share["allow_download"]:
        suffix = stored["path"].rpartition("/")[2].partition(".")[2]
        url = await download_link(service, stored, f"{share['title']} v{version}.{suffix}", seconds)
    return SharedFile(format=stored["format"], bytes=stored["bytes"], download_url=url)

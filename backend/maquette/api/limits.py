"""The limits of this service as it shows them: plain numbers, each a setting."""

from __future__ import annotations

from pydantic import BaseModel, Field

from maquette.api.rates import rates_of
from maquette.disk import MB
from maquette.settings import Settings


class Limits(BaseModel):
    """What this server takes; whoever runs it sets them. Null: no limit."""

    min_photos: int = Field(description="Usable photos that a generate needs.", examples=[3])
    max_photos: int = Field(description="Usable photos that a project holds.", examples=[200])
    max_file_bytes: int = Field(description="Of one file.", examples=[500_000_000])
    max_upload_bytes: int = Field(description="Of all files of one request.", examples=[2_048_000_000])
    max_project_bytes: int | None = Field(description="Of all stored objects of a project.", examples=[50_000_000_000])
    max_pixels: int = Field(description="Width times height of one photo.", examples=[100_000_000])
    max_gaussians: int = Field(description="Of one model.", examples=[5_000_000])
    max_runs_per_owner: int = Field(description="Runs of one owner that wait or are at work.", examples=[200])
    max_running_per_owner: int | None = Field(
        description="Runs of one owner at work at the same moment; the others wait.", examples=[None]
    )
    uploads_per_minute: int | None = Field(
        description="Of one owner, and from one address; more are answered 429 `rate_limited`.", examples=[10]
    )
    generates_per_hour: int | None = Field(description="Generates and refines, in the same way.", examples=[50])
    max_stored_bytes_per_owner: int | None = Field(description="Of all stored objects of one owner.", examples=[None])
    disk_floor_bytes: int = Field(
        description="With less free on the server's disk, uploads and steps are refused with 503 `disk_low`.",
        examples=[2_000_000_000],
    )


def limits_of(settings: Settings, *, credentials: bool) -> Limits:
    """The limits that these settings make. ``credentials``: whether callers have to show any."""
    rates = rates_of(settings, credentials=credentials)
    return Limits(
        min_photos=settings.min_photos,
        max_photos=settings.max_photos,
        max_file_bytes=settings.max_file_mb * MB,
        max_upload_bytes=settings.max_upload_mb * MB,
        max_project_bytes=settings.max_project_mb * MB or None,
        max_pixels=settings.max_megapixels * 1_000_000,
        max_gaussians=settings.max_gaussians,
        max_runs_per_owner=settings.max_runs_per_owner,
        max_running_per_owner=settings.max_running_per_owner or None,
        uploads_per_minute=rates["uploads"].most or None,
        generates_per_hour=rates["generates"].most or None,
        max_stored_bytes_per_owner=settings.max_stored_mb_per_owner * MB or None,
        disk_floor_bytes=settings.disk_floor_mb * MB,
    )

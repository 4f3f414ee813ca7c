"""Projects: create, list, read, rename, delete with all objects."""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from maquette.api.links import with_links
from maquette.api.owners import Owner
from maquette.api.pages import Cursor, Limit, Listing
from maquette.api.paths import ProjectId
from maquette.api.problems import error_responses
from maquette.api.repeats import IdempotencyKey, Keyed
from maquette.api.service import Serving
from maquette.api.shapes import SIGNED, Project
from maquette.db import overviews, projects, records, runs
from maquette.db.rows import Row
from maquette.db.start_cameras import ChosenStart
from maquette.errors import WrongStateError
from maquette.retention import removal

router = APIRouter(tags=["projects"])


class ProjectBusyError(WrongStateError):
    """A step is running in the project."""

    code = "project_busy"


class Naming(BaseModel):
    """How a project is called."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: str = Field(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="What people see, 1 to 200 characters on one line.",
        examples=["Garden fountain"],
    )


class NewProject(Naming):
    """A project to be; it may go without a name."""

    name: str = Field(
        "Untitled",
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="What people see, 1 to 200 characters on one line.",
        examples=["Garden fountain"],
    )


class Changes(BaseModel):
    """What may be changed of a project by itself; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid", str_strip_whitespace=True, json_schema_extra={"examples": [{"name": "Garden fountain"}]}
    )

    # Left out is one thing and null another, and a name is never null: its default is never looked at.
    name: str = Field(
        "",
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="What people see, 1 to 200 characters on one line.",
        examples=["Garden fountain"],
    )
    start_camera: ChosenStart | None = Field(
        None,
        description="Where looking at its models begins, for whoever is shown them; null: the viewer chooses.",
        examples=[None],
    )

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give a name, a start_camera, or both")
        return self


class ProjectCard(Project):
    """A project with what a page of cards shows of it."""

    photos: int = Field(description="Usable photos, those that were replaced not counted.", examples=[24])
    versions: int = Field(description="Model versions.", examples=[2])
    psnr: float | None = Field(description="Of the promoted version: mean over the held-out views, dB.")
    poster_url: str | None = Field(description=f"The first usable photo. {SIGNED}")


UNNAMED = NewProject()


@router.post(
    "/projects",
    status_code=201,
    response_model=Project,
    summary="Create a project",
    responses={
        200: {"model": Project, "description": "An earlier call with the same Idempotency-Key created it."},
        **error_responses(409, 413),
    },
)
async def create_project(
    service: Serving,
    owner: Owner,
    response: Response,
    body: Annotated[NewProject, Body()] = UNNAMED,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """An empty project; `POST /upload` makes one by itself when it is given none."""
    keyed = Keyed.of(owner, "create_project", idempotency_key, body)
    async with service.transaction() as conn:
        if keyed and (made := await keyed.made_before(conn)):
            project = await projects.get(conn, made, owner)
            response.status_code = 200
        else:
            project = await projects.create(conn, owner, body.name)
            if keyed:
                await keyed.keep(conn, project["id"], project["id"])
    response.headers["Location"] = f"/api/v1/projects/{project['id']}"
    return project


@router.get("/projects", response_model=Listing[ProjectCard], summary="List projects", responses=error_responses())
async def list_projects(service: Serving, owner: Owner, limit: Limit = 100, cursor: Cursor = None) -> dict[str, object]:
    """Newest first, each with its picture and how much is in it."""
    async with service.transaction() as conn:
        page = await overviews.page(conn, owner, limit=limit, cursor=cursor)
    return {"items": await with_links(service, page.items), "next": page.next}


@router.get("/projects/{project_id}", response_model=Project, summary="Read a project", responses=error_responses(404))
async def read_project(service: Serving, owner: Owner, project_id: ProjectId) -> Row:
    """The project itself; `GET /status/{project_id}` tells how far it is."""
    async with service.transaction() as conn:
        return await projects.get(conn, project_id, owner)


@router.patch(
    "/projects/{project_id}",
    response_model=Project,
    summary="Rename a project, or say where looking at it begins",
    responses=error_responses(404, 409, 413),
)
async def change_project(
    service: Serving, owner: Owner, project_id: ProjectId, body: Annotated[Changes, Body()]
) -> Row:
    """Only what is given changes. `404 version_not_found` for a start camera at a version that is not there."""
    given: dict[str, Any] = body.model_dump(include=body.model_fields_set)
    async with service.transaction() as conn:
        project = await projects.get(conn, project_id, owner, lock=True)
        if body.start_camera is not None:
            await records.model(conn, project["id"], body.start_camera.version)
        return await projects.change(conn, project_id, owner, **given)


@router.delete(
    "/projects/{project_id}",
    status_code=204,
    summary="Delete a project with everything in it",
    responses=error_responses(404, 409),
)
async def delete_project(service: Serving, owner: Owner, project_id: ProjectId) -> None:
    """Waiting steps go with it; while one is running the answer is 409 `project_busy`: cancel it first.

    The objects go first, through Storage, then the rows: where Storage fails, nothing is forgotten and the call can
    be repeated.
    """
    async with service.transaction() as conn:
        # The lock keeps new steps out until the rows are gone.
        await projects.get(conn, project_id, owner, lock=True)
        running = [run for run in await runs.unfinished(conn, project_id) if run["status"] == "running"]
        if running:
            raise ProjectBusyError(
                f"The step '{running[0]['step']}' is running in this project.",
                suggestion=f"Cancel it with POST /api/v1/runs/{running[0]['id']}/cancel, then delete again.",
                run_id=str(running[0]["id"]),
            )
        await removal.delete_project(conn, service.objects, project_id, owner)
    await service.gallery.forget(project_id)

"""``maquette data``: whole projects as files, beside the server and without its limits."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from maquette.errors import BadInputError

if TYPE_CHECKING:
    from maquette.db.connection import Pool
    from maquette.storage.client import Objects

app = typer.Typer(no_args_is_help=True, help="Whole projects as files: export one, import one.")


class NoSuchFileError(BadInputError):
    """There is nothing to import."""

    code = "file_not_found"


@app.command("export")
def export_project(
    project: Annotated[UUID, typer.Argument(help="The project's id.")],
    out: Annotated[Path | None, typer.Option(help="The file to write (default: PROJECT.bundle.zip here).")] = None,
    light: Annotated[bool, typer.Option("--light", help="Leave out checkpoints and other intermediates.")] = False,
) -> None:
    """Write a project with everything in it as one file. The server may go on meanwhile."""
    from maquette.recon.bundle import BUNDLE

    path = out or Path(f"{project}{BUNDLE.extension}")
    lost = asyncio.run(_export(project, path, light=light))
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    if lost:
        typer.echo(f"{lost} files are not in it: storage has lost them. `maquette gc --dry-run` names them.", err=True)
        raise typer.Exit(1)


@app.command("import")
def import_project(
    file: Annotated[Path, typer.Argument(help="A bundle.")],
    owner: Annotated[
        str | None, typer.Option(help="E-mail or id of the user whose project it becomes (embedded: the local owner).")
    ] = None,
) -> None:
    """Make a new project of a bundle, and print its id."""
    if not file.is_file():
        raise NoSuchFileError(f"There is no file {file}.", suggestion="Give the file that an export wrote.")
    typer.echo(asyncio.run(_import(file, owner)))


@app.command("sample")
def open_sample(
    owner: Annotated[
        str | None, typer.Option(help="E-mail or id of the user whose project it becomes (embedded: the local owner).")
    ] = None,
) -> None:
    """Open the ready sample, a finished project that comes with Maquette, and print its id.

    Where it was opened before and not deleted, that is the one.
    """
    from maquette.execution.sample import SAMPLE, open_sample

    with open_sample():
        pass  # sample_missing before anything is asked of the database
    typer.echo(asyncio.run(_import(SAMPLE, owner, again=False)))


@asynccontextmanager
async def _stores() -> AsyncIterator[tuple[Pool, Objects, Any]]:
    from maquette.db.connection import open_pool
    from maquette.settings import read_settings, resolve_connections
    from maquette.storage.client import Objects

    settings = read_settings()
    connections = resolve_connections(settings)
    async with (
        open_pool(connections.database_url, max_size=2, application_name="maquette-data") as pool,
        Objects.open(connections, timeout_s=settings.storage_timeout_s) as objects,
    ):
        yield pool, objects, connections


async def _export(project: UUID, path: Path, *, light: bool) -> int:
    """How many objects storage had lost or damaged. One object at a time lies beside the file."""
    from maquette.execution.bundles import manifest_of
    from maquette.recon.bundle import BundleWriter
    from maquette.recon.digest import sha256_of
    from maquette.steps.bundle import without_lost
    from maquette.storage.client import ObjectMissingError

    async with _stores() as (pool, objects, _):
        async with pool.connection() as conn:
            manifest = await manifest_of(conn, project, light=light)
        there = {one["sha256"]: one for one in manifest.tables["artifacts"] if one["removed_at"] is None}
        with BundleWriter(path) as writer, tempfile.TemporaryDirectory(dir=path.parent) as beside:
            for digest, artifact in there.items():
                fetched = Path(beside) / digest
                try:
                    await objects.download(artifact["bucket"], artifact["path"], fetched)
                except ObjectMissingError:
                    continue
                if await asyncio.to_thread(sha256_of, fetched) != digest:
                    continue  # damaged: as good as lost
                await asyncio.to_thread(writer.add, digest, fetched)
                fetched.unlink()
            writer.finish(without_lost(manifest, writer.objects))
        return len(there) - len(writer.objects)


async def _import(file: Path, owner: str | None, *, again: bool = True) -> UUID:
    """The new project; without ``again``, the one that the same bundle was imported as before, if it is there."""
    from maquette.cli.keys import only_owner
    from maquette.db import keys
    from maquette.execution import imports
    from maquette.execution.sample import opened_before
    from maquette.recon.bundle import open_bundle

    async with _stores() as (pool, objects, connections):
        user = owner or only_owner(connections)
        with ExitStack() as stack:
            bundle = stack.enter_context(open_bundle(file))
            beside = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            async with pool.connection() as conn:
                owner_id = await keys.user_named(conn, user)
                if not again and (before := await opened_before(conn, owner_id, bundle)) is not None:
                    return UUID(str(before["id"]))
                coming = await imports.settle(conn, bundle)
            async with imports.in_place(objects, bundle, coming, beside), pool.connection() as conn:
                made: UUID = (await imports.write(conn, owner_id, coming))["id"]
                return made

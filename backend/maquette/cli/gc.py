"""``maquette gc``: removes what has had its time, and finds where storage and rows differ."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from maquette.retention.removed import Removed, Terms
    from maquette.settings import Connections, Settings

EXPIRING = ("project", "intermediates", "unclaimed files")
"""What goes because its time is over; all else are orphans."""


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go; nothing is changed.")] = False,
    days: Annotated[
        int | None,
        typer.Option(
            min=0, max=36500, help="Remove projects nobody touched for so many days; 0: none. [MAQUETTE_RETENTION_DAYS]"
        ),
    ] = None,
    intermediate_days: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=36500,
            help="Remove the intermediates of projects nobody touched for so many days; 0: none."
            " [MAQUETTE_INTERMEDIATE_DAYS]",
        ),
    ] = None,
    delete_orphans: Annotated[
        bool,
        typer.Option(
            "--delete-orphans",
            help="Remove objects that no row knows, and mark rows whose object is gone. Not after restoring an older"
            " database: what came after it has no rows.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
) -> None:
    """Remove projects and intermediates that have had their time, through the storage service, and look for orphans:
    objects that no row knows, rows whose object is gone, objects of another size than their row says.

    Large files that were sent and not taken in go after a day, days set or not.

    Spared is what has an unfinished run, and, of whole projects, what a share link still shows. Objects younger than
    24 hours are never called orphans. It can be stopped at any moment and called again.

    Exit code 1 where something could not be removed; orphans that are only reported are no failure.
    """
    from maquette.retention.removed import Terms
    from maquette.settings import read_settings, resolve_connections

    settings = read_settings()
    terms = Terms(
        settings.retention_days if days is None else days,
        settings.intermediate_days if intermediate_days is None else intermediate_days,
    )
    connections = resolve_connections(settings)
    found = asyncio.run(_collect(connections, settings, terms, dry_run, delete_orphans, quiet=as_json))
    if as_json:
        typer.echo(json.dumps(_as_json(found, terms, dry_run, delete_orphans), indent=2, ensure_ascii=False))
    else:
        _print(found, terms, dry_run, delete_orphans)
    raise typer.Exit(1 if any(one.error is not None for one in found) else 0)


async def _collect(
    connections: Connections, settings: Settings, terms: Terms, dry_run: bool, delete_orphans: bool, *, quiet: bool
) -> list[Removed]:
    """Everything that went or would go, and the orphans; a line on stderr tells what it is at."""
    from rich.console import Console

    from maquette.db.connection import open_pool
    from maquette.retention.collect import collect
    from maquette.retention.orphans import find_orphans
    from maquette.retention.removed import Stores
    from maquette.retention.unclaimed import remove_unclaimed
    from maquette.storage.client import Objects

    found: list[Removed] = []
    console = Console(stderr=True, quiet=quiet)
    async with (
        open_pool(connections.database_url, max_size=2, application_name="maquette-gc") as pool,
        Objects.open(connections, timeout_s=settings.storage_timeout_s) as objects,
    ):
        stores = Stores(pool, objects, settings.home)
        with console.status("looking for what has had its time …") as status:

            async def follow(things: AsyncIterator[Removed]) -> None:
                async for one in things:
                    found.append(one)
                    # At once, for whoever stops it or loses the storage half way.
                    done = _done(one, dry_run, delete_orphans)
                    console.print(f"{done}: {one.what} of {one.project_id}, {_bytes(one.bytes)}", soft_wrap=True)

            await follow(collect(stores, terms, dry_run=dry_run))
            await follow(remove_unclaimed(pool, objects, dry_run=dry_run))
            status.update("looking for orphans …")
            # What goes whole takes its orphans with it.
            whole = {one.project_id for one in found if one.what == "project"}
            await follow(find_orphans(stores, delete=delete_orphans and not dry_run, besides=whole))
    return found


def _done(one: Removed, dry_run: bool, delete_orphans: bool) -> str:
    """What became of it."""
    if one.error is not None:
        return "failed"
    if one.what in EXPIRING:
        return "would go" if dry_run else "removed"
    if not delete_orphans or one.what == "objects of a wrong size":
        return "found"
    verb = "removed" if one.what == "objects without rows" else "marked"
    return f"would be {verb}" if dry_run else verb


def _as_json(found: Sequence[Removed], terms: Terms, dry_run: bool, delete_orphans: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "days": terms.project_days,
        "intermediate_days": terms.intermediate_days,
        "items": [{**one.as_dict(), "done": _done(one, dry_run, delete_orphans)} for one in found],
        "totals": _totals(found, dry_run, delete_orphans),
    }


def _totals(found: Sequence[Removed], dry_run: bool, delete_orphans: bool) -> dict[str, dict[str, int]]:
    """Objects and bytes by what became of them."""
    totals: dict[str, dict[str, int]] = {}
    for one in found:
        total = totals.setdefault(_done(one, dry_run, delete_orphans), {"objects": 0, "bytes": 0})
        total["objects"] += one.objects
        total["bytes"] += one.bytes
    return totals


def _print(found: Sequence[Removed], terms: Terms, dry_run: bool, delete_orphans: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if not terms.anything:
        typer.echo(
            "Nothing expires: neither MAQUETTE_RETENTION_DAYS nor MAQUETTE_INTERMEDIATE_DAYS is set, nor --days or"
            " --intermediate-days given."
        )
    if found:
        table = Table("what", "project", "name", "why", "objects", "bytes", "", show_edge=False)
        for one in found:
            table.add_row(
                one.what,
                str(one.project_id),
                escape(one.name),
                escape(one.error.message if one.error else one.why),
                str(one.objects),
                _bytes(one.bytes),
                _done(one, dry_run, delete_orphans),
            )
        # Ids are there to be copied: never cut one off at the edge of a narrow terminal.
        Console(soft_wrap=True, width=max(Console().width, 200)).print(table)
    for done, total in _totals(found, dry_run, delete_orphans).items():
        typer.echo(f"{done}: {total['objects']} objects, {_bytes(total['bytes'])} ({total['bytes']} bytes)")
    if all(one.what in EXPIRING for one in found):
        typer.echo("no orphans")
    elif not delete_orphans:
        typer.echo("`maquette gc --delete-orphans` removes objects without rows, and marks rows without objects.")


def _bytes(size: int) -> str:
    """In the unit that people would say it in; powers of ten, as storage is billed."""
    value, unit = float(size), "B"
    for bigger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, bigger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"

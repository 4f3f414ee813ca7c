"""``maquette db``: the schema, on the embedded Postgres or on a Supabase project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from maquette.settings import Connections

app = typer.Typer(no_args_is_help=True, help="The database schema: apply it, check it.")


@app.command()
def migrate() -> None:
    """Apply what is missing of the schema, functions, policies and buckets. Safe to repeat."""
    with _running() as connections:
        from maquette.db.migrate import migrate as apply

        report = apply(connections.database_url)
    for name in report.applied:
        typer.echo(f"applied {name}")
    typer.echo(f"{len(report.applied)} new, {len(report.redeclared)} declared again: the schema is up to date.")


@app.command()
def check() -> None:
    """Check connection, tables, row security, grants, buckets and keys, and say how to mend each."""
    import asyncio

    from rich.console import Console
    from rich.table import Table

    from maquette.db.check import check as examine
    from maquette.settings import read_settings, resolve_connections

    findings = asyncio.run(examine(resolve_connections(read_settings())))
    table = Table("", "what", "found", "what to do", show_edge=False)
    for finding in findings:
        table.add_row("[green]ok[/]" if finding.ok else "[red]no[/]", finding.what, finding.found, finding.advice)
    Console().print(table)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


@contextmanager
def _running() -> Iterator[Connections]:
    """The database that is configured or runs; the embedded one is started for the moment where it does not."""
    from maquette.embedded.stack import run_stack
    from maquette.settings import StackNotRunningError, read_settings, resolve_connections

    settings = read_settings()
    try:
        connections = resolve_connections(settings)
    except StackNotRunningError:
        with run_stack(settings) as stack:
            yield stack.connections
    else:
        yield connections

"""``maquette serve``, ``worker`` and ``doctor``."""

from __future__ import annotations

from typing import Annotated

import typer


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on (default: MAQUETTE_HOST or 127.0.0.1).")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port (default: MAQUETTE_PORT or 8400).")] = None,
    workers: Annotated[int, typer.Option(min=0, max=64, help="Steps that run at the same time; 0 starts none.")] = 1,
) -> None:
    """Start everything in one process tree: database, storage, API and a worker. Ctrl-C stops all of it.

    Without Supabase variables in the environment the embedded stack is used: data lie under MAQUETTE_HOME, and a
    later start finds them again.
    """
    from maquette.cli.supervisor import supervise
    from maquette.settings import read_settings

    settings = read_settings()
    changed = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    if changed:
        settings = type(settings).model_validate({**settings.model_dump(), **changed})
    raise typer.Exit(supervise(settings, workers=workers))


def worker(
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Steps that run at the same time.")] = 1,
    queues: Annotated[str, typer.Option(help="Queues to take steps from, separated by commas.")] = "cpu",
) -> None:
    """Take steps from the queue and carry them out. Start one on each machine that shares DATABASE_URL."""
    import asyncio

    from maquette.db.migrate import expect_migrated
    from maquette.logs import log_to_stderr
    from maquette.settings import read_settings, resolve_connections
    from maquette.worker.loop import run_worker

    settings = read_settings()
    log_to_stderr(settings.log_level, settings.log_format)
    connections = resolve_connections(settings)
    expect_migrated(connections.database_url)
    names = [name.strip() for name in queues.split(",") if name.strip()]
    asyncio.run(run_worker(settings, connections, concurrency=concurrency, queues=names))


def doctor() -> None:
    """Look at this machine and this installation and say what is missing, and how to mend it."""
    from rich.console import Console
    from rich.table import Table

    from maquette.cli.diagnosis import findings

    table = Table("", "what", "found", "what to do", show_edge=False)
    bad = False
    for finding in findings():
        bad = bad or not finding.ok
        table.add_row("[green]ok[/]" if finding.ok else "[red]no[/]", finding.what, finding.found, finding.advice)
    Console().print(table)
    raise typer.Exit(1 if bad else 0)

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
    queues: Annotated[
        str | None,
        typer.Option(
            help="Queues to take steps from, separated by commas: `gpu` (steps that train, while any worker serves it)"
            " and `cpu` (everything else). Default: cpu, and gpu too where this machine has one that can be used."
        ),
    ] = None,
) -> None:
    """Take steps from the queue and carry them out. Start one on each machine that shares DATABASE_URL."""
    import asyncio

    from maquette.db.migrate import expect_migrated
    from maquette.logs import log_to_stderr
    from maquette.settings import read_settings, resolve_connections
    from maquette.worker.loop import run_worker
    from maquette.worker.own_queues import named_queues, own_queues

    names = own_queues() if queues is None else named_queues(queues)
    settings = read_settings()
    log_to_stderr(settings.log_level, settings.log_format)
    connections = resolve_connections(settings)
    expect_migrated(connections.database_url)
    asyncio.run(run_worker(settings, connections, concurrency=concurrency, queues=names))


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as a JSON list, for scripts.")] = False,
) -> None:
    """Look at this machine and this installation, say what is broken or missing, and how to mend it.

    Exit code 1 where something is broken; what merely deserves a look is no failure. Nothing is changed.
    """
    import json
    from dataclasses import asdict

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from maquette.cli.diagnosis import findings

    found = list(findings())
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], indent=2, ensure_ascii=False))
    else:
        marks = {"ok": "[green]ok[/]", "warning": "[yellow]look[/]", "failure": "[red]no[/]"}
        table = Table("", "what", "found", "what to do", show_edge=False)
        for finding in found:
            table.add_row(marks[finding.level], finding.what, escape(finding.found), escape(finding.advice))
        Console().print(table)
    raise typer.Exit(0 if all(finding.ok for finding in found) else 1)

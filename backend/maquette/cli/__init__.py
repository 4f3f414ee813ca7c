"""The command ``maquette``. Each file holds the commands of one noun; heavy imports happen inside the commands."""

from __future__ import annotations

import errno
import logging
import sys
from typing import Annotated

import typer
from rich.console import Console

from maquette import __version__
from maquette.cli import bundles, data, demo, gc, keys, models, reconstruct, remote, server, splat
from maquette.errors import MaquetteError

app = typer.Typer(
    name="maquette",
    help="Photos to a 3D Gaussian-splat model in recorded steps: upload, generate, refine, export.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(server.serve)
app.command()(server.worker)
app.command()(server.doctor)
app.add_typer(data.app, name="db")
app.add_typer(bundles.app, name="data")
app.command()(gc.gc)
app.add_typer(keys.app, name="keys")
app.add_typer(models.app, name="models")
app.command()(reconstruct.reconstruct)
app.add_typer(splat.app, name="splat")
app.command()(demo.demo)
app.add_typer(remote.app, name="project")
for command in (remote.upload, remote.generate, remote.refine, remote.export, remote.status, remote.watch):
    app.command(rich_help_panel="On a server")(command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"maquette {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Common options."""


def main() -> None:
    """Entry point: an error that a user can mend is printed in words, with exit code 1; others keep their trace."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        app()
    except MaquetteError as error:
        _tell(error.code, error.message, error.suggestion)
        sys.exit(1)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _tell("disk_full", "The disk is full.", "Free some space, or write to a larger disk, then call it again.")
        sys.exit(1)


def _tell(code: str, message: str, suggestion: str) -> None:
    console = Console(stderr=True)
    console.print(f"[bold red]error[/] [dim]({code})[/] {_escaped(message)}", soft_wrap=True)
    if suggestion:
        console.print(_escaped(suggestion), soft_wrap=True)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


if __name__ == "__main__":
    main()

"""The command ``maquette``. Each file holds the commands of one noun; heavy imports happen inside the commands."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer
from rich.console import Console

from maquette import __version__
from maquette.cli import data, demo, reconstruct, server, splat
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
app.command()(reconstruct.reconstruct)
app.add_typer(splat.app, name="splat")
app.command()(demo.demo)


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
        console = Console(stderr=True)
        console.print(f"[bold red]error[/] [dim]({error.code})[/] {_escaped(error.message)}", soft_wrap=True)
        if error.suggestion:
            console.print(_escaped(error.suggestion), soft_wrap=True)
        sys.exit(1)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


if __name__ == "__main__":
    main()

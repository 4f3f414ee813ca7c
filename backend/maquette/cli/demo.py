"""``maquette demo``: the main job through the real server, for a newcomer to watch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from maquette.steps.parameters import Preset


def demo(
    photos: Annotated[
        Path | None, typer.Argument(help="A folder of photos (default: a scene we make ourselves).")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the files to take away.")] = Path("demo-output"),
    preset: Annotated[Preset, typer.Option(help="How long to train.")] = "fastest",
    stay: Annotated[bool, typer.Option("--stay", help="Leave the server running afterwards, until Ctrl-C.")] = False,
) -> None:
    """Take photos through upload, generate, refine and export on the embedded stack, by the REST API.

    Uses the server that runs on MAQUETTE_HOME, or starts one for as long as it takes.
    """
    from maquette.cli.journey import run_demo
    from maquette.settings import read_settings

    run_demo(read_settings(), photos, out, preset, stay=stay)

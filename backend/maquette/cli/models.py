"""``maquette models``: weights of the optional neural models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from maquette.models.installed import Installed

app = typer.Typer(no_args_is_help=True, help="Weights of the optional neural models: list, fetch, verify.")

_STATES = {
    "absent": "not here",
    "partial": "partly fetched: pull again",
    "pulled": "here",
    "local": "here (put there by you)",
    "outdated": "here, of another revision",
    "broken": "broken: delete and pull",
}

Names = Annotated[list[str] | None, typer.Argument(help="Names as the list shows them.")]


@app.command("list")
def list_models() -> None:
    """What each model is for, its licence, size and revision, and whether it is on this machine."""
    from rich.console import Console
    from rich.table import Table

    from maquette.models.installed import look, read_weights
    from maquette.models.registry import MODELS
    from maquette.recon.enhance import choose_method
    from maquette.settings import read_settings

    settings = read_settings()
    table = Table("name", "for", "licence", "commercial use", "size", "revision", "state", show_edge=False)
    for entry in MODELS:
        found = look(entry, settings.models_folder)
        refused = not entry.commercial and not settings.allow_noncommercial_models
        table.add_row(
            entry.name,
            entry.purpose,
            entry.licence,
            "yes" if entry.commercial else "no (refused)" if refused else "no (allowed by you)",
            _size(entry.bytes),
            entry.revision[:12] if len(entry.revision) == 40 else entry.revision,
            _STATES[found.state],
        )
    # Names are there to be copied: never cut one off at the edge of a narrow terminal.
    Console(width=max(Console().width, 200)).print(table)
    typer.echo(f"They lie in {settings.models_folder}; a folder of one of these names that you put there is used too.")
    weights = read_weights(
        settings.models_folder,
        allow_noncommercial=settings.allow_noncommercial_models,
        trust_code=settings.trust_model_code,
    )
    choice = choose_method(None, weights)
    typer.echo(f"Views are enhanced by '{choice.method.name}' unless a call names another method. {choice.reason}")


@app.command()
def pull(
    names: Names = None,
    timeout: Annotated[
        float, typer.Option(min=1, max=600, help="Seconds to wait for a connection and for each next piece.")
    ] = 20.0,
) -> None:
    """Fetch models, check them and list their files; goes on where it was stopped."""
    from maquette.cli.bars import Bars
    from maquette.models.pull import pull as fetch
    from maquette.models.registry import find_model
    from maquette.settings import read_settings

    settings = read_settings()
    for entry in [find_model(name) for name in _named(names)]:
        with Bars() as bars:
            found = fetch(
                entry,
                settings.models_folder,
                allow_noncommercial=settings.allow_noncommercial_models,
                progress=bars.update,
                timeout_s=timeout,
            )
        typer.echo(f"{entry.name}: {_told(found)}")
        if entry.note:
            typer.echo(f"  {entry.note}")
        if entry.brings_code and entry.name not in settings.trust_model_code:
            typer.echo(f"  It brings program code, which runs only if you set MAQUETTE_TRUST_MODEL_CODE={entry.name}.")


@app.command()
def verify(names: Names = None) -> None:
    """Recompute the checksums of these models, or of all that are here; exit code 1 if one is not as it was."""
    from maquette.cli.bars import Bars
    from maquette.models.installed import look
    from maquette.models.registry import MODELS, find_model
    from maquette.models.verify import verify as check
    from maquette.settings import read_settings

    folder = read_settings().models_folder
    if names:
        chosen = [look(find_model(name), folder) for name in names]
    else:
        chosen = [
            found for found in (look(entry, folder) for entry in MODELS) if found.state not in ("absent", "partial")
        ]
    bad = False
    for found in chosen:
        with Bars() as bars:
            verdicts = check(found, bars.update)
        for file in verdicts:
            bad |= not file.good
            typer.echo(f"{found.entry.name}: {file.verdict:8} {file.path}")
        if any(file.verdict == "unknown" for file in verdicts):
            typer.echo(f"{found.entry.name}: nothing is known of the files called unknown to compare them with.")
    if not chosen:
        typer.echo("no models are here; see `maquette models list`")
    if bad:
        raise typer.Exit(1)


def _named(names: list[str] | None) -> list[str]:
    if not names:
        raise typer.BadParameter("name the models to fetch; see `maquette models list`", param_hint="NAMES")
    return names


def _told(found: Installed) -> str:
    files = found.manifest.files if found.manifest else {}
    unchecked = [path for path, file in files.items() if file.checked_against == "nothing"]
    told = f"{len(files)} files, {_size(sum(file.bytes for file in files.values()))}, in {found.folder}"
    if unchecked:
        told += f"; no checksum was known of {', '.join(unchecked)}: it was noted for `verify`"
    return told


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"

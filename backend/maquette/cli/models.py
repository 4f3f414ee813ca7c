"""``maquette models``: weights of the optional neural models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from maquette.models.installed import Installed
    from maquette.models.registry import ModelEntry
    from maquette.recon.weights import LocalModel

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
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list with all checksums, for scripts.")] = False,
) -> None:
    """What each model is for, its licence, size, revision and checksum, and whether it is on this machine."""
    from maquette.models.installed import look, own_view_models, read_weights
    from maquette.models.registry import MODELS
    from maquette.recon.enhance import choose_method
    from maquette.settings import read_settings

    settings = read_settings()
    found = [look(entry, settings.models_folder) for entry in MODELS]
    own = own_view_models(settings.models_folder)
    if as_json:
        rows = [*map(_as_dict, found), *({"name": one.name, "kind": "diffusers", "state": "own"} for one in own)]
        typer.echo(json.dumps(rows, indent=2))
        return
    _print(found, own, allowed=settings.allow_noncommercial_models)
    typer.echo(f"They lie in {settings.models_folder}; a folder of one of these names that you put there is used too.")
    weights = read_weights(
        settings.models_folder,
        allow_noncommercial=settings.allow_noncommercial_models,
        trust_code=settings.trust_model_code,
    )
    choice = choose_method(None, weights)
    typer.echo(f"Views are enhanced by '{choice.method.name}' unless a call names another method. {choice.reason}")


def _print(found: Sequence[Installed], own: Sequence[LocalModel], *, allowed: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("name", "for", "licence", "commercial use", "size", "revision", "sha256", "state", show_edge=False)
    for one in found:
        entry = one.entry
        table.add_row(
            entry.name,
            entry.purpose,
            entry.licence,
            "yes" if entry.commercial else "no (allowed by you)" if allowed else "no (refused)",
            _size(entry.bytes),
            entry.revision[:12] if len(entry.revision) == 40 else entry.revision,
            _checksums(entry),
            _STATES[one.state],
        )
    for mine in own:
        purpose = "several views from one image: a pipeline of your own"
        table.add_row(escape(mine.name), purpose, mine.licence, "", "", mine.revision, "", _STATES["local"])
    # Names are there to be copied: never cut one off at the edge of a narrow terminal.
    Console(width=max(Console().width, 200)).print(table)


def _checksums(entry: ModelEntry) -> str:
    """What is known before the first pull: the beginning of one checksum, or how many files have one."""
    known = list(entry.known_sha256.values())
    return "noted at the pull" if not known else known[0][:12] if len(known) == 1 else f"of {len(known)} files"


def _as_dict(found: Installed) -> dict[str, Any]:
    """All that is known of a model; ``pulled_sha256``: of its files here, as the pull noted them."""
    entry = found.entry
    files = found.manifest.files if found.manifest else {}
    return {
        "name": entry.name,
        "purpose": entry.purpose,
        "kind": entry.kind,
        "licence": entry.licence,
        "licence_url": entry.licence_url,
        "commercial": entry.commercial,
        "brings_code": entry.brings_code,
        "bytes": entry.bytes,
        "revision": entry.revision,
        "sha256": entry.known_sha256,
        "note": entry.note,
        "state": found.state,
        "pulled_sha256": {path: file.sha256 for path, file in files.items()},
    }


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

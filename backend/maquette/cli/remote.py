"""The steps on a server, from the command line: ``maquette project|upload|generate|refine|export|status|watch``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from maquette.cli.bars import Bars
from maquette.errors import BadInputError

if TYPE_CHECKING:
    from maquette.client import Client, Run

app = typer.Typer(no_args_is_help=True, help="Projects on a server: create, list, show, rename, delete.")

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        envvar="MAQUETTE_SERVER",
        help="Address of the server, http://127.0.0.1:8400 by default. Its key is read from MAQUETTE_API_KEY.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, and no progress.")]
ProjectId = Annotated[UUID, typer.Argument(metavar="PROJECT", help="Its id, as `maquette project list` shows it.")]
Given = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any other parameter of the step, as the server's /docs describe it; the value is JSON or a word.",
    ),
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Return when the run is in line; `maquette watch` follows it.")]


class BadParameterError(BadInputError):
    """``--set`` needs a name and a value."""

    code = "bad_parameter"


@contextmanager
def _client(server: str | None) -> Iterator[Client]:
    from maquette.client import from_environment

    with from_environment(server) as client:
        yield client


def _print(found: Any) -> None:
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        raw = getattr(value, "raw", None)
        return raw if raw is not None else dataclasses.asdict(value)
    return str(value)


@app.command("create")
def create_project(
    name: Annotated[str, typer.Argument(help="What people call it.")], server: Server = None, as_json: AsJson = False
) -> None:
    """An empty project; its id is printed."""
    with _client(server) as client:
        made = client.create_project(name)
    if as_json:
        _print(made)
    else:
        typer.echo(made.id)


@app.command("list")
def list_projects(server: Server = None, as_json: AsJson = False) -> None:
    """Your projects, newest first."""
    with _client(server) as client:
        found = client.projects()
    if as_json:
        _print(found)
        return
    table = Table("id", "status", "name", show_edge=False)
    table.columns[0].no_wrap = True
    for one in found:
        table.add_row(str(one.id), one.status, one.name)
    Console().print(table)


@app.command("show")
def show_project(project: ProjectId, server: Server = None, as_json: AsJson = False) -> None:
    """A project with its versions."""
    with _client(server) as client:
        found, models = client.project(project), client.models(project)
    if as_json:
        _print({**found.raw, "models": [model.raw for model in models]})
        return
    typer.echo(f"{found.name}: {found.status}")
    table = Table("version", "from", "PSNR", "SSIM", "Gaussians", "", show_edge=False)
    for model in models:
        table.add_row(
            f"v{model.version}",
            "" if model.parent_version is None else f"v{model.parent_version}",
            "–" if model.psnr is None else f"{model.psnr:.2f} dB",
            "–" if model.ssim is None else f"{model.ssim:.3f}",
            f"{model.num_gaussians:,}",
            "promoted" if model.promoted else "",
        )
    Console().print(table)


@app.command("rename")
def rename_project(project: ProjectId, name: str, server: Server = None, as_json: AsJson = False) -> None:
    """Give a project another name."""
    with _client(server) as client:
        renamed = client.rename_project(project, name)
    if as_json:
        _print(renamed)


@app.command("delete")
def delete_project(
    project: ProjectId,
    server: Server = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a project with its photos, versions and files. Nothing of it can be brought back."""
    with _client(server) as client:
        found = client.project(project)
        if not yes:
            typer.confirm(f"Delete '{found.name}' with all its photos, versions and files?", abort=True)
        client.delete_project(project)


def upload(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Photos, videos, ZIPs, or folders of them.", exists=True)
    ],
    project: Annotated[UUID | None, typer.Option(help="Into this project. Default: a new one.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the new project. Default: that of the first path.")] = None,
    preset: Annotated[str | None, typer.Option(help="Decides how many frames are taken of a video.")] = None,
    frames: Annotated[int | None, typer.Option(help="Frames to take of a video.")] = None,
    remove_bg: Annotated[bool, typer.Option("--remove-bg", help="Keep the subject only.")] = False,
    original_resolution: Annotated[bool, typer.Option("--original-resolution", help="Do not reduce photos.")] = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Send photos to a server and print the project's id. Large files go in parts: the same call goes on after a break.

    Every photo that has something wrong with it is named, with what to do.
    """
    options: dict[str, Any] = {"preset": preset, "frames": frames, "remove_bg": remove_bg or None}
    options["original_resolution"] = original_resolution or None
    with _client(server) as client, _shown(as_json) as bars:
        done = client.upload(*inputs, project_id=project, name=name, progress=_progress(bars), **options)
        if bars:
            for image in done.images:
                for reason in image["reasons"]:
                    bars.say(f"  {image['filename']}, {image['verdict']}: {reason['message']} {reason['suggestion']}")
            warn(bars, done.warnings)
            for reason in (done.capture or {}).get("reasons", ()):
                bars.say(f"  the set: {reason['sentence']} {reason['action']}")
    if as_json:
        _print(done)
    else:
        typer.echo(done.project_id)


def generate(
    project: ProjectId,
    preset: Annotated[str, typer.Option(help="fastest, balanced or quality.")] = "balanced",
    given: Given = None,
    no_wait: NoWait = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Cameras, views, depth and a first model. Ctrl-C leaves the run alone; the server goes on with it."""
    with _client(server) as client:
        run = client.generate(project, preset=preset, **_parameters(given))
        _follow(client, run, no_wait=no_wait, as_json=as_json)


def refine(
    project: ProjectId,
    rounds: Annotated[int, typer.Option("--rounds", help="Rounds at most.")] = 3,
    from_version: Annotated[
        int | None, typer.Option(help="Begin with this version. Default: the promoted one.")
    ] = None,
    given: Given = None,
    no_wait: NoWait = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Further rounds, each a version of its own."""
    parameters = {"num_iterations": rounds, **({} if from_version is None else {"from_version": from_version})}
    with _client(server) as client:
        run = client.refine(project, **{**parameters, **_parameters(given)})
        _follow(client, run, no_wait=no_wait, as_json=as_json)


def export(
    project: ProjectId,
    file_format: Annotated[str, typer.Option("--format", help="ply, splat, glb, usdz and more: GET /formats.")] = "ply",
    version: Annotated[int | None, typer.Option(help="Of this version. Default: the promoted one.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File or folder to save it in.")] = None,
    given: Given = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Make a file and fetch it; its path is printed."""
    parameters = {"format": file_format, **({} if version is None else {"version": version}), **_parameters(given)}
    with _client(server) as client, _shown(as_json) as bars:
        made = client.export(project, progress=_progress(bars), **parameters)
        path = client.download(made, out, progress=_progress(bars))
    if as_json:
        _print({**made.raw, "path": str(path)})
    else:
        typer.echo(path)


def status(project: ProjectId, server: Server = None, as_json: AsJson = False) -> None:
    """What a project does now, and how long that may take."""
    with _client(server) as client:
        found = client.status(project)
    if as_json:
        _print(found)
        return
    run = found["current_run"]
    typer.echo(f"{found['project']['name']}: {found['project']['status']}")
    if run:
        words = [run["stage"], run["message"]]
        typer.echo(
            f"  {run['step']} {run['status']}, {run['progress_percentage']:.0f}%  " + ": ".join(filter(None, words))
        )
        if run.get("eta_s") is not None:
            typer.echo(f"  about {run['eta_s'] / 60:.1f} minutes left")
    elif found["last_error"]:
        typer.echo(f"  {found['last_error']['code']}: {found['last_error']['message']}")


def watch(
    project: ProjectId,
    after: Annotated[int, typer.Option(help="Begin after this event; 0: with the first.")] = 0,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="Return when nothing waits or runs.")] = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """A project's history, then what happens, one line each, until Ctrl-C. With --json: one object a line."""
    with _client(server) as client:
        for event in client.events(project, after):
            if as_json:
                typer.echo(json.dumps(event.raw, ensure_ascii=False))
            else:
                told = event.payload
                words = [told.get("step"), told.get("status"), told.get("stage"), told.get("message")]
                if "progress_percentage" in told:
                    words.insert(2, f"{told['progress_percentage']:.0f}%")
                if "version" in told:
                    words.append(f"v{told['version']}")
                typer.echo(f"{event.seq:>5} {event.type:<9} " + " ".join(str(one) for one in words if one))
            if until_idle and event.type in ("complete", "error") and client.project(project).status != "processing":
                return


def _follow(client: Client, run: Run, *, no_wait: bool, as_json: bool) -> None:
    if not no_wait:
        with _shown(as_json) as bars:
            run = client.wait(run, progress=_progress(bars))
            if bars:
                warn(bars, run.warnings)
    if as_json:
        _print(run)
    elif no_wait:
        typer.echo(run.id)
    else:
        found = run.result or {}
        for one in found.get("metrics") or [found]:
            if one.get("psnr") is not None:
                typer.echo(f"v{one['version']}: held-out PSNR {one['psnr']:.2f} dB SSIM {one['ssim']:.3f}")


@contextmanager
def _shown(as_json: bool) -> Iterator[Bars | None]:
    if as_json:
        yield None
    else:
        # Progress on stderr, so that what is printed can be taken up by a shell.
        with Bars(Console(stderr=True)) as bars:
            yield bars


def _progress(bars: Bars | None) -> Callable[[str, float, str], None]:
    from maquette.client.exchange import silent

    return bars.update if bars else silent


def warn(bars: Bars, warnings: list[dict[str, Any]] | None) -> None:
    """Say what was done otherwise than asked for, each once."""
    for warning in {one["code"]: one for one in warnings or []}.values():
        bars.say(f"  {'degraded' if warning['degraded'] else 'note'}: {warning['message']} {warning['suggestion']}")


def _parameters(given: list[str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in given or []:
        name, sign, value = one.partition("=")
        if not name or not sign:
            raise BadParameterError(f"'{one}' is no NAME=VALUE.", suggestion="Such as --set iterations=2000.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found

"""Write docs/troubleshooting.md: every error code that Maquette can answer, what it means and what to do.

Codes, statuses and meanings are those of the error classes; what to do is what stands at the places that raise them,
with … for what is filled in there. So no code is missing, and nothing is told twice.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import maquette
from maquette.errors import MaquetteError

ROOT = Path(__file__).parents[1]
PATH = ROOT / "docs" / "troubleshooting.md"
SOURCES = ROOT / "backend" / "maquette"
PLAIN = {"message", "suggestion"}
NEEDS_AN_EXTRA = ("maquette.recon.cuda", "maquette.cli.__main__")
"""Modules that cannot be imported everywhere, or do something when they are."""

GROUPS = {
    "Photos, videos and other files that are sent": "recon.images recon.archive recon.video recon.background"
    " recon.single recon.rig recon.scenes recon.doctor recon.bundle steps"
    " api.incoming api.incoming_files api.uploads api.staged"
    " api.replacements api.imports client.inputs execution.imports execution.bundles execution.uploads"
    " execution.replacements db.incoming",
    "Cameras, depth, training and refinement": "recon",
    "Files to take away": "recon.formats recon.mesh recon.texture recon.frame recon.optimize rendering api.renders"
    " api.export_query api.formats api.download",
    "Calls of the API, keys and sharing": "api db webhooks client",
    "Runs, workers and the machine": "execution worker queue disk progress",
    "Installation, settings and models": "",
}
"""A code stands in the group that names the longest beginning of its module."""

BESIDES = {
    "photos_share_nothing": "`details` names each photo and why it fell off: take more in between, each overlapping the"
    " last by two thirds.",
    "too_few_photos_placed": "`details` names the photos that fell off and why: send more from in between, or sharper"
    " ones; what is placed already stays.",
    "single_photo_refused": "The verdict names what is wrong with it: take it anew, or send three photos and more.",
    "incoming_expired": "Announce the file again and send it within a day.",
    "bad_mask": "Draw the mask on the upright photo: white is the subject.",
    "bad_depth_prior": "Send the depth at its view's size, or leave it out.",
    "model_not_sound": "Retry with another `seed` or preset; if it stays, the run's log says what was found.",
    "bad_model_file": "Export it again from the program that made it; the message says what is wrong with it.",
    "file_removed": "The answer names the step that makes it again.",
    "run_fenced": "Nothing: the other attempt goes on.",
    "foreign_checkpoint": "Remove the file; training begins again.",
    "migration_failed": "The message has Postgres's own words; nothing was changed. Mend that and run"
    " `maquette db migrate` again.",
    "bad_query": "The message has Postgres's own words.",
    "query_value": "`maquette db query NAME --help` names its values.",
}
"""Advice for codes whose places of raising give none of their own."""

HEAD = """# Troubleshooting

Every error is `{"error": {"code", "message", "details", "suggestion"}}`. The code never changes its meaning;
the message names your file or number, and the suggestion says what to do. `maquette doctor` looks at the machine and
the installation.

This page is written from the code by `tools/write_troubleshooting.py`; … stands for what a message fills in.
"""


def classes() -> dict[str, list[type[MaquetteError]]]:
    """All errors by code."""
    for module in pkgutil.walk_packages(maquette.__path__, "maquette."):
        if not module.name.startswith(NEEDS_AN_EXTRA):
            importlib.import_module(module.name)
    found: dict[str, list[type[MaquetteError]]] = defaultdict(list)
    waiting = [MaquetteError]
    while waiting:
        one = waiting.pop()
        # The roots of errors.py are never raised themselves; of those only the fault of ours is seen.
        if one.__module__.startswith("maquette.") and (one.__module__ != "maquette.errors" or one is MaquetteError):
            found[one.code].append(one)
        waiting += one.__subclasses__()
    return found


def advice() -> dict[str, list[str]]:
    """What to do, by the name of the class that is raised with it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(SOURCES.rglob("*.py")):
        tree = ast.parse(path.read_text())
        for owner, call in _calls(tree):
            name = _name(call.func)
            if name == "__init__" and owner:
                name = owner
            for keyword in call.keywords:
                if keyword.arg == "suggestion" and (words := _words(keyword.value)) and words not in found[name]:
                    found[name].append(words)
    return found


def _calls(tree: ast.AST, owner: str = "") -> Iterator[tuple[str, ast.Call]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call):
            yield owner, node
        yield from _calls(node, node.name if isinstance(node, ast.ClassDef) else owner)


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def _words(value: ast.expr) -> str:
    """A text of the source, … for what is computed."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    if isinstance(value, ast.JoinedStr):
        return "".join(_words(part) for part in value.values)
    if isinstance(value, ast.BinOp):
        return _words(value.left) + _words(value.right)
    if isinstance(value, ast.IfExp):
        return " / ".join(filter(None, (_words(value.body), _words(value.orelse))))
    return "…" if isinstance(value, ast.FormattedValue) else ""


def _group(module: str) -> int:
    inner = module.removeprefix("maquette").removeprefix(".")
    fits = [
        (len(start), number)
        for number, starts in enumerate(GROUPS.values())
        for start in starts.split() or [""]
        if not start or inner == start or inner.startswith(f"{start}.")
    ]
    return max(fits)[1]


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def written() -> str:
    """The text of the file."""
    told = advice()
    rows: dict[int, list[str]] = defaultdict(list)
    for code, kinds in sorted(classes().items()):
        if code == "api_refused":  # never seen: the server's own code takes its place
            continue
        meanings, cures = [], []
        for kind in sorted(kinds, key=lambda one: one.__qualname__):
            first = (kind.__doc__ or "").strip().split("\n\n")[0]
            meanings += [one for one in [_cell(first.replace("``", "`"))] if one and one not in meanings]
            cures += [one for one in told.get(kind.__name__, ()) if one not in cures]
        statuses = "/".join(str(one) for one in sorted({kind.status for kind in kinds}))
        cures = cures or [BESIDES[code]] if code in BESIDES else cures
        group = _group(sorted(kinds, key=lambda one: one.__module__)[0].__module__)
        rows[group].append(f"| `{code}` | {statuses} | {' '.join(meanings)} | {_cell(' · '.join(cures))} |")
    parts = [HEAD]
    for number, title in enumerate(GROUPS):
        if rows[number]:
            head = f"\n## {title}\n\n| code | HTTP | what it means | what to do |\n|---|---|---|---|\n"
            parts.append(head + "\n".join(rows[number]) + "\n")
    return "".join(parts)


if __name__ == "__main__":
    PATH.write_text(written())

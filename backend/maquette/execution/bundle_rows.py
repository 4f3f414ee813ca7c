"""Gives the rows of a bundle new ids and keys. They were written by a stranger: what is not as our steps write it is
refused here, where the database would take it and a later step believe it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from pydantic import ValidationError

from maquette.db.bundle_tables import TABLES
from maquette.db.bundles import Rows
from maquette.db.rows import Row
from maquette.db.runs import FINAL
from maquette.db.start_cameras import ChosenStart
from maquette.recon.bundle import BundleNewerError, BundleUnreadableError, Manifest
from maquette.steps.presets import PRESETS
from maquette.storage import keys
from maquette.storage.buckets import BUCKETS

_MIGRATION = re.compile(r"(\d{4})_\w{1,80}\.sql")
_MIME = re.compile(r"[a-z]+/[A-Za-z0-9.+-]{1,80}")
_CODE = re.compile(r"[a-z0-9_]{1,60}")
MOST_NUMBERS, MOST_OF_ANY = 100, 1e9
_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]{1,200}")
_LINE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")
STEPS = ("upload", "generate", "refine", "export")
SERVED_AS_DATA = "application/octet-stream"

Ids = Mapping[str, Mapping[str, UUID]]
"""By table, the new id of each old one."""


MOST_COPIES = 3
"""Bytes that are stored for each byte of the objects: some files stand in a project twice."""


@dataclass(frozen=True)
class Place:
    """Where an object of the bundle goes."""

    sha256: str
    bytes: int
    bucket: str
    key: str
    mime: str


@dataclass(frozen=True)
class Renewed:
    """``project``: columns of its own row, without id and owner; ``tables``: all other rows as they will stand."""

    project: Row
    tables: Rows
    places: list[Place]


def renew(manifest: Manifest, project_id: UUID, known: Mapping[str, set[str]], schema: str) -> Renewed:
    """``known``: columns by table, and ``schema`` the newest migration, of this database.

    Raises ``bundle_newer`` or ``bundle_unreadable``.
    """
    _check_schema(manifest.schema, schema)
    tables = manifest.tables
    for name, rows in tables.items():
        if name not in known:
            raise BundleUnreadableError(f"no project has a table '{name[:60]}'")
        if any(set(row) != set(rows[0]) for row in rows) or (rows and not set(rows[0]) <= known[name]):
            raise BundleUnreadableError(f"its rows of '{name}' have columns that such rows do not have")
    ids = _new_ids(tables)
    for run in tables.get("runs", []):
        _check_run(run, ids)
    for table, column in (("multiview_generation", "name"), ("mesh_files", "name")):
        for row in tables.get(table, []):
            _check_name(row.get(column))
    for model in tables.get("gaussian_splat_models", []):
        _check_details(model.get("details"))
    everything = {old: str(new) for of_table in ids.values() for old, new in of_table.items()}
    renewed: Rows = {}
    try:
        for of in TABLES:
            renewed[of.name] = [
                {name: _value(name, value, of.references, ids, everything) for name, value in row.items()}
                for row in tables.get(of.name, [])
            ]
    except RecursionError as error:
        raise BundleUnreadableError("its rows are nested too deep") from error
    places = [
        place
        for old, new in zip(tables.get("artifacts", []), renewed["artifacts"], strict=True)
        if (place := _place(old, new, project_id, ids, manifest)) is not None
    ]
    unused = set(manifest.objects) - {place.sha256 for place in places}
    if unused:
        raise BundleUnreadableError("it holds objects that no row names")
    _check_places(places, manifest)
    return Renewed(_project(manifest, renewed), renewed, places)


def _check_places(places: Sequence[Place], manifest: Manifest) -> None:
    """No two rows in one place, and not many of one object: an import writes little more than what arrived."""
    if len({(place.bucket, place.key) for place in places}) < len(places):
        raise BundleUnreadableError("two of its artifacts have one place")
    if sum(place.bytes for place in places) > MOST_COPIES * sum(manifest.objects.values()):
        raise BundleUnreadableError("its artifacts name the same objects over and over")


def _check_schema(theirs: str, ours: str) -> None:
    found, here = _MIGRATION.fullmatch(theirs), _MIGRATION.fullmatch(ours)
    if found is None or here is None:
        raise BundleUnreadableError("it does not say which schema its rows have")
    if int(found[1]) > int(here[1]):
        raise BundleNewerError("schema", theirs, ours)


def _new_ids(tables: Mapping[str, list[Row]]) -> dict[str, dict[str, UUID]]:
    ids: dict[str, dict[str, UUID]] = {}
    seen: set[str] = set()
    for table in TABLES:
        if not table.has_id:
            continue
        ids[table.name] = {}
        for row in tables.get(table.name, []):
            old = _uuid(row.get("id"), table.name)
            if old in seen:
                raise BundleUnreadableError("two of its rows have one id")
            seen.add(old)
            ids[table.name][old] = uuid4()
    return ids


def _value(name: str, value: Any, references: Mapping[str, str], ids: Ids, everything: Mapping[str, str]) -> Any:
    if name == "id":
        return everything[value]
    if name in references:
        return None if value is None else _looked_up(ids, references[name], value)
    return _inside(value, everything) if isinstance(value, dict | list) else value


def _inside(value: Any, everything: Mapping[str, str]) -> Any:
    """JSON in which what names a row by its id, as a run's result names its export, names the new one."""
    if isinstance(value, dict):
        return {name: _inside(one, everything) for name, one in value.items()}
    if isinstance(value, list):
        return [_inside(one, everything) for one in value]
    return everything.get(value, value) if isinstance(value, str) else value


def _check_run(run: Row, ids: Ids) -> None:
    if run.get("step") not in STEPS:
        raise BundleUnreadableError("one of its runs was of no step that is known")
    if str(run.get("status")) not in FINAL:
        raise BundleUnreadableError("one of its runs has not ended")
    result = run.get("result")
    if not isinstance(result, dict):
        raise BundleUnreadableError("one of its runs has no result")
    # The API answers with the export that a result names, whoever it belongs to.
    for name, table in (("export_id", "export_history"), ("artifact_id", "artifacts")):
        if name in result or (run.get("step") == "export" and run["status"] == "completed"):
            _looked_up(ids, table, result.get(name))
    # What is summed over the runs of all owners.
    if not _are_numbers(run.get("failures", {}), int) or not _are_numbers(run.get("timings", {}), int, float):
        raise BundleUnreadableError("one of its runs has failures or timings that are no numbers by name")
    error = run.get("error")
    if error is not None and not (isinstance(error, dict) and _CODE.fullmatch(str(error.get("code")))):
        raise BundleUnreadableError("one of its runs failed for a reason without a code")


def _are_numbers(values: Any, *types: type) -> bool:
    return (
        isinstance(values, dict)
        and len(values) <= MOST_NUMBERS
        and all(_CODE.fullmatch(name) for name in values)
        and all(type(value) in types and 0 <= value < MOST_OF_ANY for value in values.values())
    )


def _check_name(name: Any) -> None:
    """Steps give files this name."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in (".", ".."):
        raise BundleUnreadableError("a view or file in it has a name that none can have")


def _check_details(details: Any) -> None:
    """Steps name folders after the preset."""
    preset = details.get("preset") if isinstance(details, dict) else 0
    if preset is not None and (not isinstance(preset, str) or preset not in PRESETS):
        raise BundleUnreadableError("a version in it was made in no way that is known")


def _place(old: Row, new: Row, project_id: UUID, ids: Ids, manifest: Manifest) -> Place | None:
    """Settle bucket, key and type of an artifact; None for one whose object is gone."""
    bucket, path, digest, size, mime = (old.get(name) for name in ("bucket", "path", "sha256", "bytes", "mime"))
    if bucket not in BUCKETS or not isinstance(path, str) or not isinstance(mime, str) or not _MIME.fullmatch(mime):
        raise BundleUnreadableError("a file in it belongs nowhere")
    try:
        key = keys.renewed(project_id, path, ids["runs"])
    except ValueError as error:
        raise BundleUnreadableError("a file in it belongs nowhere") from error
    # A page that a stranger wrote is a file to take away here, and not one that browsers open at our address.
    served = SERVED_AS_DATA if mime.startswith("text/html") else mime
    new.update(path=key, mime=served)
    if old.get("removed_at") is not None:
        return None
    if not isinstance(digest, str) or manifest.objects.get(digest) != size or isinstance(size, bool):
        raise BundleUnreadableError("a file that its rows name is not in it")
    return Place(digest, int(str(size)), str(bucket), key, served)


def _project(manifest: Manifest, tables: Rows) -> Row:
    """As a project stands that all this was made in."""
    name, capture = manifest.project.get("name"), manifest.project.get("capture")
    if not isinstance(name, str) or not _LINE.fullmatch(name) or not isinstance(capture, dict | None):
        raise BundleUnreadableError("its project has no name")
    start = manifest.project.get("start_camera")
    try:
        # Bundles of before there were any have none.
        start = None if start is None else ChosenStart.model_validate(start).model_dump(mode="json")
    except ValidationError as error:
        raise BundleUnreadableError("looking at it would begin nowhere") from error
    last = max(tables["runs"], key=lambda run: str(run.get("queued_at")), default=None)
    status = "completed" if tables["gaussian_splat_models"] else "uploaded" if tables["source_images"] else "created"
    return {
        "name": name,
        "capture": capture,
        "start_camera": start,
        "status": status,
        "current_step": last["step"] if last else None,
        "progress_percentage": 100 if last else 0,
    }


def _looked_up(ids: Ids, table: str, old: Any) -> str:
    found = ids[table].get(old) if isinstance(old, str) else None
    if found is None:
        raise BundleUnreadableError(f"a row in it refers to one of '{table}' that it does not hold")
    return str(found)


def _uuid(value: Any, table: str) -> str:
    try:
        if isinstance(value, str) and str(UUID(value)) == value:
            return value
    except ValueError:
        pass
    raise BundleUnreadableError(f"a row of '{table}' in it has no id")

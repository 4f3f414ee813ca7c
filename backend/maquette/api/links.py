"""Signed addresses for the objects of rows: made when somebody reads, never stored in the database."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from maquette.api.service import Service
from maquette.db.rows import Row

_FIELD_OF = {"file": "download_url"}
"""How the address of an object is named in answers, where it is not ``<name>_url``."""


async def with_links(service: Service, rows: Sequence[Row], seconds: int | None = None) -> list[dict[str, Any]]:
    """The rows with one ``…_url`` for each of their objects (null for a missing or removed one), and only real
    ``objects``.

    The addresses live for ``seconds``. By default they live as long as the settings say, and one that was handed out
    lately is handed out again.
    """
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        for stored in _present(row).values():
            if stored["removed_at"] is None:
                wanted[stored["bucket"]].append(stored["path"])
    signed = await _sign(service, wanted, seconds)
    linked = []
    for row in rows:
        objects = _present(row)
        urls = {
            _FIELD_OF.get(name, f"{name}_url"): signed.get((objects[name]["bucket"], objects[name]["path"]))
            if name in objects
            else None
            for name in row["objects"]
        }
        linked.append({**row, "objects": objects, **urls})
    return linked


def _present(row: Row) -> dict[str, Any]:
    """Left joins give an object of nulls where there is none."""
    return {name: stored for name, stored in row["objects"].items() if stored and stored["id"] is not None}


async def _sign(service: Service, wanted: dict[str, list[str]], seconds: int | None) -> dict[tuple[str, str], str]:
    async def bucket(name: str, paths: list[str]) -> dict[tuple[str, str], str]:
        if seconds is not None:
            urls = await service.objects.signed_urls(name, paths, seconds)
        else:
            urls = {path: service.lending.find(name, path) for path in paths}
            unknown = [path for path, url in urls.items() if url is None]
            lifetime_s = service.settings.signed_url_s
            made = await service.objects.signed_urls(name, unknown, lifetime_s)
            service.lending.keep(name, made, lifetime_s)
            urls |= made
        return {(name, path): _reachable(service, url) for path, url in urls.items() if url}

    signed: dict[tuple[str, str], str] = {}
    for part in await asyncio.gather(*(bucket(name, paths) for name, paths in wanted.items())):
        signed.update(part)
    return signed


async def download_link(service: Service, stored: dict[str, Any], save_as: str, seconds: int | None = None) -> str:
    """The address of one object, which browsers save under a name; it lives as those of :func:`with_links`."""
    lifetime_s = seconds or service.settings.signed_url_s
    url = await service.objects.signed_url(stored["bucket"], stored["path"], lifetime_s, save_as)
    return _reachable(service, url)


def _reachable(service: Service, url: str) -> str:
    """The embedded storage calls itself 127.0.0.1, which is another machine's own self when seen from there."""
    if not service.connections.embedded:
        return url
    return service.public_url + url.removeprefix(service.connections.supabase_url)

"""What answers at SUPABASE_URL: storage with both keys, the sign-in keys, Realtime, and all of one project."""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from maquette.db.findings import Finding, judge
from maquette.db.migrate import BUCKETS
from maquette.settings import Connections

TIMEOUT_S = 10.0
ALGORITHMS = ("ES256", "RS256")
_SECRET = "Set SUPABASE_SECRET_KEY to the project's secret (or service_role) key, and SUPABASE_URL to its address."  # noqa: S105
_PUBLISHABLE = "Set SUPABASE_PUBLISHABLE_KEY to the project's publishable (or anon) key, never to a secret one."


async def check_service(connections: Connections, connection: AsyncConnection[DictRow] | None) -> list[Finding]:
    """All that can be asked over HTTP; ``connection`` None: the database does not answer."""
    async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=not connections.embedded) as http:
        storage = await _check_storage(http, connections, connection)
        signing = await _check_sign_in(http, connections)
    return [_check_one_project(connections), *storage, signing, await _check_realtime(connections)]


def project_of(connections: Connections) -> dict[str, str]:
    """The hosted project that each setting belongs to, where it says so itself."""
    where = conninfo_to_dict(connections.database_url)
    found = {
        "SUPABASE_URL": _match(r"(\w+)\.supabase\.co", urlsplit(connections.supabase_url).hostname or ""),
        "DATABASE_URL": _match(r"db\.(\w+)\.supabase\.co", str(where.get("host", "")))
        or _match(r"postgres\.(\w+)", str(where.get("user", ""))),
        "SUPABASE_SECRET_KEY": str(claims(connections.secret_key).get("ref", "")),
        "SUPABASE_PUBLISHABLE_KEY": str(claims(connections.publishable_key).get("ref", "")),
    }
    return {name: project for name, project in found.items() if project}


def _match(pattern: str, text: str) -> str:
    found = re.fullmatch(pattern, text)
    return found[1] if found else ""


def claims(key: str) -> dict[str, Any]:
    """What a legacy key, which is a JWT, says of itself; nothing for the opaque keys. No proof of anything."""
    try:
        body = key.split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _check_one_project(connections: Connections) -> Finding:
    projects = project_of(connections)
    wrong = [] if len(set(projects.values())) < 2 else [f"{name} is of {ref}" for name, ref in projects.items()]
    advice = "Take all four settings from one project."
    well = next(iter(projects.values()), "embedded" if connections.embedded else "its settings do not contradict")
    return judge("project", wrong, well, advice)


async def _check_storage(
    http: httpx.AsyncClient, connections: Connections, connection: AsyncConnection[DictRow] | None
) -> list[Finding]:
    url = f"{connections.supabase_url}/storage/v1/bucket"
    try:
        secret, publishable = [
            await http.get(url, headers={"apikey": key, "Authorization": f"Bearer {key}"})
            for key in (connections.secret_key, connections.publishable_key)
        ]
    except httpx.HTTPError as error:
        advice = "Start `maquette serve`." if connections.embedded else "Check SUPABASE_URL."
        return [Finding("storage", "failure", f"does not answer ({type(error).__name__})", advice)]
    seen = _buckets(secret)
    findings = [_judge_secret(secret, seen), _judge_publishable(connections.publishable_key, publishable)]
    if connection is not None and set(BUCKETS) <= seen.keys():
        findings.append(await _same_database(connection, seen))
    return findings


def _buckets(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json() if answer.is_success else []
    except ValueError:
        return {}
    return {bucket["id"]: bucket for bucket in body} if isinstance(body, list) else {}


def _judge_secret(answer: httpx.Response, seen: dict[str, Any]) -> Finding:
    missing = set(BUCKETS) - seen.keys()
    wrong = [
        f"storage answers {answer.status_code} and shows {len(seen)} buckets, none of {', '.join(sorted(missing))}"
    ]
    return judge("secret key", wrong if missing else (), "sees all buckets", _SECRET)


def _judge_publishable(key: str, answer: httpx.Response) -> Finding:
    wrong = [f"bucket {name} is shown to anyone" for name in _buckets(answer).keys() & set(BUCKETS)]
    if key.startswith("sb_secret_") or claims(key).get("role") == "service_role":
        wrong.append("it is a secret key, which every page would give away")
    elif not answer.is_success:
        wrong.append(f"storage answers {answer.status_code}")
    return judge("publishable key", wrong, "sees none", _PUBLISHABLE)


async def _same_database(connection: AsyncConnection[DictRow], seen: dict[str, Any]) -> Finding:
    """Buckets of two projects have the same names, but were not made at the same moment."""
    # A Postgres that is no Supabase project has no such table.
    [row] = await (await connection.execute("select to_regclass('storage.buckets') is not null as there")).fetchall()
    rows = []
    if row["there"]:
        rows = await (
            await connection.execute("select id, created_at from storage.buckets where id = any(%s)", [list(BUCKETS)])
        ).fetchall()
    made = {row["id"]: row["created_at"] for row in rows}
    missing = [name for name in BUCKETS if name not in made]
    wrong = [f"the database lacks buckets that storage has: {', '.join(missing)}"] if missing else []
    wrong += [
        f"{name} was made at another time there"
        for name, moment in made.items()
        if abs(datetime.fromisoformat(seen[name]["created_at"]) - moment) > timedelta(milliseconds=2)
    ]
    advice = "SUPABASE_URL and DATABASE_URL belong to different projects: take both from one."
    return judge("storage", wrong, "has the database's buckets", advice)


async def _check_sign_in(http: httpx.AsyncClient, connections: Connections) -> Finding:
    if connections.embedded:
        return Finding("sign-in", "ok", "one local owner")
    url = f"{connections.supabase_url}/auth/v1/.well-known/jwks.json"
    keys, reason = None, ""
    try:
        answer = await http.get(url)
        if answer.is_success:
            keys = [str(key["alg"]) for key in answer.json()["keys"] if key.get("alg") in ALGORITHMS and key.get("kid")]
            reason = "no ES256 or RS256 key is shown"
        else:
            reason = f"{url} answers {answer.status_code}"
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"there are no keys at {url} ({type(error).__name__})"
    if keys:
        return Finding("sign-in", "ok", f"signing keys: {', '.join(sorted(keys))}")
    if connections.jwt_secret and keys is not None:
        return Finding("sign-in", "ok", "by the legacy secret SUPABASE_JWT_SECRET")
    if connections.jwt_secret:
        # An Auth of before signing keys has no such address; so has a wrong SUPABASE_URL.
        return Finding(
            "sign-in",
            "warning",
            f"only by the legacy secret SUPABASE_JWT_SECRET: {reason}",
            "Nothing, where Auth is too old for signing keys; otherwise check SUPABASE_URL.",
        )
    advice = (
        "Check SUPABASE_URL; an Auth too old for signing keys needs SUPABASE_JWT_SECRET."
        if keys is None
        else "Move the project to JWT signing keys (Settings, JWT keys), or set SUPABASE_JWT_SECRET."
    )
    return Finding("sign-in", "failure", f"{reason}, so nobody could sign in", advice)


async def _check_realtime(connections: Connections) -> Finding:
    """As a page does: a socket with the publishable key, and a heartbeat that is answered."""
    query = urlencode({"apikey": connections.publishable_key, "vsn": "1.0.0"})
    url = f"{connections.supabase_url.replace('http', 'ws', 1)}/realtime/v1/websocket?{query}"
    advice = (
        "Start `maquette serve`."
        if connections.embedded
        else "Check SUPABASE_URL and SUPABASE_PUBLISHABLE_KEY, and that Realtime is on for the project."
    )
    try:
        async with connect(
            url, open_timeout=TIMEOUT_S, close_timeout=2, proxy=None if connections.embedded else True
        ) as socket:
            await socket.send(json.dumps({"topic": "phoenix", "event": "heartbeat", "payload": {}, "ref": "1"}))
            async for message in socket:
                said = json.loads(message)
                if said.get("event") == "phx_reply" and said.get("ref") == "1":
                    return Finding("realtime", "ok", "answers")
        return Finding("realtime", "failure", "closed the line", advice)
    except (WebSocketException, OSError, ValueError) as error:
        # The exception's text may hold the address and with it the key.
        return Finding("realtime", "failure", f"does not answer ({type(error).__name__})", advice)

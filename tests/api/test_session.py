"""What a page needs for supabase-js, tried on the services it is for."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from tests.api.supabase import LittleSupabase
from websockets.asyncio.client import connect

from maquette.api.owners import LOCAL_OWNER
from maquette.machine_keys import MachineKey, hash_of
from maquette.settings import Connections, Settings

KEY = "a-key-of-the-page-s-owner"


@pytest.fixture
def session(api: httpx.Client) -> dict[str, Any]:
    answer = api.get("/session")
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    made: dict[str, Any] = answer.json()
    return made


def test_embedded(session: dict[str, Any], address: str, connections: Connections) -> None:
    assert session["owner_id"] == str(LOCAL_OWNER) and session["embedded"] is True
    assert session["supabase_url"] == address
    assert session["publishable_key"] == connections.publishable_key
    assert session["realtime_tables"] == ["events", "gaussian_splat_models", "projects", "refinement_metrics", "runs"]
    assert connections.jwt_secret is not None
    claims = jwt.decode(session["access_token"], connections.jwt_secret, ["HS256"], audience="authenticated")
    assert (claims["sub"], claims["role"]) == (str(LOCAL_OWNER), "authenticated")
    assert claims["exp"] - claims["iat"] == 3600
    until = datetime.fromisoformat(session["expires_at"])
    assert until.timestamp() == claims["exp"] and until <= datetime.now(UTC) + timedelta(hours=1)


def test_the_address_is_the_one_that_the_page_came_by(address: str) -> None:
    name = f"localhost:{address.rpartition(':')[2]}"
    answer = httpx.get(f"{address}/api/v1/session", headers={"Host": name}, trust_env=False)
    assert answer.json()["supabase_url"] == f"http://{name}"


def test_no_secret_is_told(session: dict[str, Any], connections: Connections) -> None:
    told = json.dumps(session)
    assert connections.jwt_secret is not None
    for secret in (connections.jwt_secret, connections.secret_key, connections.database_url):
        assert secret not in told


def test_storage_takes_the_token(session: dict[str, Any], worker: Any, generated: str) -> None:
    [stored] = worker.sql(
        "select bucket, path from public.artifacts where project_id = %s and kind = 'model'", generated
    )
    url = f"{session['supabase_url']}/storage/v1/object/authenticated/{stored['bucket']}/{stored['path']}"
    headers = {"apikey": session["publishable_key"], "Authorization": f"Bearer {session['access_token']}"}
    assert httpx.get(url, headers=headers, trust_env=False).status_code == 200
    nobody = {"apikey": session["publishable_key"], "Authorization": f"Bearer {session['publishable_key']}"}
    assert httpx.get(url, headers=nobody, trust_env=False).status_code == 400


async def test_realtime_takes_the_token(session: dict[str, Any], worker: Any, generated: str) -> None:
    query = f"apikey={session['publishable_key']}&vsn=2.0.0"
    url = f"{session['supabase_url'].replace('http', 'ws', 1)}/realtime/v1/websocket?{query}"
    topic = "realtime:projects"
    wanted = [{"event": "UPDATE", "schema": "public", "table": table} for table in session["realtime_tables"]]
    joining = {"config": {"postgres_changes": wanted}, "access_token": session["access_token"]}
    async with connect(url, proxy=None) as socket:
        await socket.send(json.dumps(["1", "1", topic, "phx_join", joining]))
        reply = json.loads(await socket.recv())
        assert reply[3:5][0] == "phx_reply" and reply[4]["status"] == "ok", reply
        assert len(reply[4]["response"]["postgres_changes"]) == len(session["realtime_tables"])


def test_a_key_gives_its_owners_session(
    settings: Settings, serve_again: Any, connections: Connections, address: str
) -> None:
    keyed = settings.model_copy(update={"api_keys": (MachineKey(hash_of(KEY)),)})
    with serve_again(keyed) as url, httpx.Client(base_url=f"{url}/api/v1", trust_env=False) as client:
        assert client.get("/session").status_code == 401
        token = client.get("/session", headers={"X-API-Key": KEY}).json()["access_token"]
        # It reads over Realtime and Storage; this API wants the key.
        assert client.get("/projects", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_beside_supabase_the_page_has_its_own(
    hosted: str, little_supabase: LittleSupabase, worker: Any, connections: Connections
) -> None:
    user = uuid.uuid4()
    headers = {"Authorization": f"Bearer {little_supabase.token(user)}"}
    told = httpx.get(f"{hosted}/api/v1/session", headers=headers, trust_env=False).json()
    assert told == {
        "owner_id": str(user),
        "embedded": False,
        "supabase_url": little_supabase.url,
        "publishable_key": connections.publishable_key,
        "access_token": None,
        "expires_at": None,
        "realtime_tables": told["realtime_tables"],
    }

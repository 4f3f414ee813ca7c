"""What the page is told before anybody signs in."""

from __future__ import annotations

import json
from typing import Any

import httpx
from tests.api.supabase import LittleSupabase

from maquette.machine_keys import MachineKey, hash_of
from maquette.settings import Connections, Settings

NOTHING_MORE = {"supabase_url": None, "publishable_key": None}


def test_nothing_is_asked_on_ones_own_machine(api: httpx.Client) -> None:
    answer = api.get("/sign-in")
    assert answer.json() == {"method": "none", **NOTHING_MORE}
    assert answer.headers["cache-control"] == "no-store"


def test_a_server_with_keys_asks_for_one(settings: Settings, serve_again: Any) -> None:
    keyed = settings.model_copy(update={"api_keys": (MachineKey(hash_of("a-key-that-nobody-has")),)})
    with serve_again(keyed) as url:
        assert httpx.get(f"{url}/api/v1/sign-in", trust_env=False).json() == {"method": "key", **NOTHING_MORE}


def test_beside_supabase_people_sign_in_there(
    hosted: str, little_supabase: LittleSupabase, connections: Connections
) -> None:
    told = httpx.get(f"{hosted}/api/v1/sign-in", trust_env=False).json()
    assert told == {
        "method": "supabase",
        "supabase_url": little_supabase.url,
        "publishable_key": connections.publishable_key,
    }
    assert connections.jwt_secret is not None
    for secret in (connections.jwt_secret, connections.secret_key, connections.database_url):
        assert secret not in json.dumps(told)

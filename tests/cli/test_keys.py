"""``maquette keys`` on the database of a running server, and beside Supabase."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from maquette.cli import app
from maquette.cli.journey import _client
from maquette.cli.keys import temporary_key
from maquette.errors import MaquetteError
from maquette.machine_keys import hash_of, is_made
from maquette.settings import Settings


@pytest.fixture
def maquette(stack: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("MAQUETTE_HOME", str(stack.home))
    return lambda *arguments: CliRunner().invoke(app, ["keys", *arguments])


@pytest.fixture
def beside_supabase(stack: Any, monkeypatch: pytest.MonkeyPatch, maquette: Callable[..., Result]) -> str:
    """The same database as that of a Supabase project; a user's e-mail address."""
    monkeypatch.setenv("SUPABASE_URL", "https://ref.supabase.co")
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_x")
    monkeypatch.setenv("SUPABASE_PUBLISHABLE_KEY", "sb_publishable_x")
    monkeypatch.setenv("DATABASE_URL", stack.connections.database_url)
    email = f"{uuid.uuid4().hex}@example.org"
    rows(stack, "insert into auth.users (email) values (%s) returning id", email)
    return email


def rows(stack: Any, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(stack.connections.database_url) as connection:
        return connection.execute(query.encode(), values).fetchall()


def refused(result: Result) -> str:
    assert result.exit_code == 1
    assert isinstance(result.exception, MaquetteError), result.exception
    assert result.exception.suggestion
    return result.exception.code


def test_made_listed_revoked(stack: Any, maquette: Callable[..., Result]) -> None:
    made = maquette("create", "--name", "nightly [bold]scan", "--expires", "30")
    assert made.exit_code == 0, made.output
    key = made.stdout.strip()
    assert is_made(key), "nothing but the key on stdout, for scripts"
    [(identifier, owner, days)] = rows(
        stack,
        "select id, owner_id::text, round(extract(epoch from expires_at - created_at) / 86400)"
        " from maquette.api_keys where key_sha256 = %s",
        sha256(key.encode()).hexdigest(),
    )
    assert owner == "00000000-0000-4000-8000-000000000001" and days == 30
    assert str(identifier) in made.stderr and key not in made.stderr

    listed = maquette("list").stdout
    assert str(identifier) in listed and "nightly [bold]scan" in listed and "active" in listed
    assert key[:12] in listed and key not in listed

    assert maquette("revoke", str(identifier)).exit_code == 0
    assert "revoked" in maquette("list").stdout
    assert maquette("revoke", key[:12]).exit_code == 0, "again changes nothing; its beginning names it too"


def test_what_cannot_be_made(maquette: Callable[..., Result]) -> None:
    assert refused(maquette("create", "--name", " ")) == "bad_input"
    assert refused(maquette("create", "--name", "two\nlines")) == "bad_input"
    assert refused(maquette("create", "--name", "x" * 201)) == "bad_input"
    assert refused(maquette("create", "--name", "x", "--owner", "nobody@example.org")) == "user_not_found"
    assert refused(maquette("create", "--name", "x", "--owner", str(uuid.uuid4()))) == "user_not_found"
    assert refused(maquette("revoke", str(uuid.uuid4()))) == "key_not_found"
    assert refused(maquette("revoke", "mqk_")) == "key_not_found"
    assert maquette("create", "--name", "x", "--expires", "0").exit_code == 2


def test_beside_supabase_somebody_is_named(stack: Any, maquette: Callable[..., Result], beside_supabase: str) -> None:
    assert refused(maquette("create", "--name", "x")) == "owner_needed"
    [(user,)] = rows(stack, "select id from auth.users where email = %s", beside_supabase)
    for owner in (beside_supabase.upper(), str(user)):
        made = maquette("create", "--name", "x", "--owner", owner)
        assert made.exit_code == 0, made.output
        digest = sha256(made.stdout.strip().encode()).hexdigest()
        assert rows(stack, "select owner_id from maquette.api_keys where key_sha256 = %s", digest) == [(user,)]


def test_a_temporary_key_does_not_outlive_its_use(stack: Any) -> None:
    query = (
        "select revoked_at is null, expires_at < now() + interval '25 hours' from maquette.api_keys"
        " where key_sha256 = %s"
    )
    owner = uuid.UUID("00000000-0000-4000-8000-000000000001")
    with temporary_key(stack.connections, "test", owner) as key:
        assert rows(stack, query, sha256(key.encode()).hexdigest()) == [(True, True)]
    assert rows(stack, query, sha256(key.encode()).hexdigest()) == [(False, True)]


def test_the_demo_makes_a_key_for_itself_where_keys_are_needed(stack: Any) -> None:
    """Of the configured ones it knows only hashes."""
    keyed = Settings(home=stack.home, api_keys="a-key-of-this-server", database_url=None)  # type: ignore[arg-type]
    query = "select name, revoked_at is null from maquette.api_keys where key_sha256 = %s"
    with _client(keyed, "http://127.0.0.1:1") as client:
        key = client._http.headers["X-API-Key"]
        assert rows(stack, query, hash_of(key)) == [("maquette demo", True)]
    assert rows(stack, query, hash_of(key)) == [("maquette demo", False)]
    with _client(Settings(home=stack.home, database_url=None), "http://127.0.0.1:1") as client:
        assert "X-API-Key" not in client._http.headers

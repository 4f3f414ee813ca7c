"""Who is tested, as whom, and what the tests may leave behind: nothing."""

from __future__ import annotations

import os
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import httpx
import jwt
import psycopg
import pytest

from maquette.db.migrate import expect_migrated
from maquette.errors import MaquetteError
from maquette.settings import Connections, read_settings, resolve_connections
from tests.supabase.node import find_node

BUCKETS = ["project-uploads", "processed-images", "multiview-images", "depth-maps", "enhanced-views", "3d-models"]


@dataclass(frozen=True)
class User:
    """A signed-in user: ``token`` is the access token that a browser would hold."""

    id: uuid.UUID
    token: str = field(repr=False)


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Connections:
    """The services under test: the real project that the environment names, or the embedded stack."""
    if not os.environ.get("SUPABASE_URL"):
        return request.getfixturevalue("storage")
    # What is wrong with the environment is said once and ends the run: not at every test, nor by skipping them all.
    try:
        connections = resolve_connections(read_settings())
        expect_migrated(connections.database_url)
    except MaquetteError as error:
        if "PYTEST_XDIST_WORKER" in os.environ:
            raise  # xdist falls over a worker that ends early
        pytest.exit(f"{error.message} {error.suggestion}", returncode=4)
    return connections


@pytest.fixture(scope="session")
def prefix() -> str:
    """What the names of everything made here begin with; safe as a bucket's name and as an object key."""
    return f"conformance-{secrets.token_hex(4)}"


@pytest.fixture(scope="session")
def database(target: Connections) -> Iterator[psycopg.Connection]:
    """The tables, as the role that owns them. Every statement is its own transaction, so that watchers see it."""
    # No prepared statements: DATABASE_URL may be a transaction pooler.
    with psycopg.connect(target.database_url, autocommit=True, prepare_threshold=None) as connection:
        yield connection


@pytest.fixture(scope="session")
def mint(target: Connections) -> Callable[..., str]:
    """An access token with any claims. Needs the signing secret, which a real project may keep to itself."""

    def mint(secret: str | None = target.jwt_secret, **claims: object) -> str:
        if secret is None:
            pytest.skip("SUPABASE_JWT_SECRET is not set: tokens cannot be forged for this test")
        return jwt.encode({"aud": "authenticated", "iat": int(time.time()), **claims}, secret, algorithm="HS256")

    return mint


@pytest.fixture(scope="session")
def user(
    target: Connections, database: psycopg.Connection, prefix: str, mint: Callable[..., str]
) -> Iterator[Callable[[], User]]:
    """Makes fresh signed-in users; they go at the end, with their projects."""
    made: list[uuid.UUID] = []
    auth = httpx.Client(base_url=f"{target.supabase_url}/auth/v1", timeout=60, trust_env=not target.embedded)
    admin = {"apikey": target.secret_key, "Authorization": f"Bearer {target.secret_key}"}

    def sign_up() -> User:
        email, password = f"{prefix}-{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(24)
        if target.embedded:
            made.append(uuid.uuid4())
            database.execute("insert into auth.users (id, email) values (%s, %s)", [made[-1], email])
            claims = {"sub": str(made[-1]), "role": "authenticated", "exp": int(time.time()) + 3600}
            return User(made[-1], mint(**claims))
        account = {"email": email, "password": password}
        created = auth.post("/admin/users", headers=admin, json={**account, "email_confirm": True}).raise_for_status()
        made.append(uuid.UUID(created.json()["id"]))
        key = {"apikey": target.publishable_key}
        signed_in = auth.post("/token", params={"grant_type": "password"}, headers=key, json=account).raise_for_status()
        return User(made[-1], signed_in.json()["access_token"])

    with auth:
        yield sign_up
        for each in made:
            database.execute("delete from public.projects where owner_id = %s", [each])
            if target.embedded:
                database.execute("delete from auth.users where id = %s", [each])
            else:
                auth.delete(f"/admin/users/{each}", headers=admin).raise_for_status()


@pytest.fixture(scope="session")
def owner(user: Callable[[], User]) -> User:
    """The user whose projects the tests look at."""
    return user()


@pytest.fixture(scope="session")
def other(user: Callable[[], User]) -> User:
    """Another user, to whom these projects do not exist."""
    return user()


@pytest.fixture(scope="session")
def storage_as(target: Connections) -> Iterator[Callable[..., httpx.Client]]:
    """Raw Storage clients: ``storage_as(key)`` with a project key, ``storage_as(key, token)`` as a signed-in user."""
    with ExitStack() as clients:

        def storage_as(key: str, token: str | None = None) -> httpx.Client:
            headers = {"apikey": key, "Authorization": f"Bearer {token or key}"}
            base = f"{target.supabase_url}/storage/v1"
            return clients.enter_context(
                httpx.Client(base_url=base, headers=headers, timeout=60, trust_env=not target.embedded)
            )

        yield storage_as


@pytest.fixture(scope="session")
def service(target: Connections, storage_as: Callable[..., httpx.Client]) -> httpx.Client:
    """Storage with the secret key: row security does not hold it."""
    return storage_as(target.secret_key)


@pytest.fixture(scope="session")
def anon(target: Connections, storage_as: Callable[..., httpx.Client]) -> httpx.Client:
    """Storage with the publishable key alone, as a browser before sign-in."""
    return storage_as(target.publishable_key)


@pytest.fixture(scope="session")
def as_owner(target: Connections, owner: User, storage_as: Callable[..., httpx.Client]) -> httpx.Client:
    """Storage as the owner's browser calls it."""
    return storage_as(target.publishable_key, owner.token)


@pytest.fixture(scope="session")
def as_other(target: Connections, other: User, storage_as: Callable[..., httpx.Client]) -> httpx.Client:
    """Storage as another user's browser calls it."""
    return storage_as(target.publishable_key, other.token)


@pytest.fixture(scope="session")
def stranger(target: Connections) -> Iterator[httpx.Client]:
    """A client without any key or header, as one who was sent a link."""
    base = f"{target.supabase_url}/storage/v1"
    with httpx.Client(base_url=base, timeout=60, trust_env=not target.embedded) as client:
        yield client


@pytest.fixture(scope="session")
def make_bucket(service: httpx.Client, database: psycopg.Connection, prefix: str) -> Iterator[Callable[..., str]]:
    """Makes buckets of their own name; they go at the end, with what is in them."""
    made: list[str] = []

    def make(**options: object) -> str:
        name = f"{prefix}-{secrets.token_hex(4)}"
        answer = service.post("/bucket", json={"id": name, "name": name, "public": False, **options})
        assert answer.status_code == 200, answer.text
        made.append(name)
        return name

    yield make
    for [bucket] in database.execute("select id from storage.buckets where id = any(%s)", [made]).fetchall():
        remove_objects(service, database, bucket)
        service.delete(f"/bucket/{bucket}").raise_for_status()


@pytest.fixture(scope="session")
def bucket(make_bucket: Callable[..., str]) -> str:
    """A private bucket without limits, shared by the tests; each keeps to its own ``folder``."""
    return make_bucket()


@pytest.fixture
def folder() -> str:
    """The first part of this test's keys, so that no test sees another's objects."""
    return secrets.token_hex(6)


@pytest.fixture
def put(service: httpx.Client, bucket: str, folder: str) -> Callable[..., str]:
    """Uploads an object into this test's folder and answers its key."""

    def put(name: str, data: bytes = b"hello", **headers: str) -> str:
        key = f"{folder}/{name}"
        sent = {"content-type": "text/plain", **{name.replace("_", "-"): value for name, value in headers.items()}}
        answer = service.post(f"/object/{bucket}/{key}", content=data, headers=sent)
        assert answer.status_code == 200, answer.text
        return key

    return put


@pytest.fixture
def make_project(database: psycopg.Connection, service: httpx.Client) -> Iterator[Callable[[User], uuid.UUID]]:
    """Makes projects, as the API would; they go with the test, with their objects."""
    made: list[uuid.UUID] = []

    def make(owner: User, name: str = "Conformance") -> uuid.UUID:
        [[project]] = database.execute(
            "insert into public.projects (owner_id, name) values (%s, %s) returning id", [owner.id, name]
        )
        made.append(project)
        return project

    yield make
    for project in made:
        for bucket in BUCKETS:
            remove_objects(service, database, bucket, f"{project}/")
        database.execute("delete from public.projects where id = %s", [project])


@pytest.fixture(scope="session")
def node() -> str:
    """The program that runs the JavaScript clients."""
    return find_node()


def remove_objects(service: httpx.Client, database: psycopg.Connection, bucket: str, begin: str = "") -> None:
    """Remove every object of a bucket whose key begins so, through the API: SQL may not."""
    found = database.execute(
        "select name from storage.objects where bucket_id = %s and starts_with(name, %s)", [bucket, begin]
    ).fetchall()
    for start in range(0, len(found), 500):
        names = [name for [name] in found[start : start + 500]]
        service.request("DELETE", f"/object/{bucket}", json={"prefixes": names}).raise_for_status()

"""Who may do what with objects: the policies of storage_policies/, asked through the service."""

import time
import uuid

import httpx
import jwt
import psycopg
import pytest

BUCKETS = ["project-uploads", "processed-images", "multiview-images", "depth-maps", "enhanced-views", "3d-models"]
PNG = b"\x89PNG\r\n\x1a\n"


def token_for(storage, user, role="authenticated"):
    claims = {"sub": user, "role": role, "aud": "authenticated", "exp": int(time.time()) + 60}
    return jwt.encode(claims, storage.jwt_secret, algorithm="HS256")


@pytest.fixture(scope="module")
def people(storage):
    """An owner with a project, another user with one too."""
    made = {}
    with psycopg.connect(storage.database_url) as connection:
        for name in ("owner", "other"):
            user = str(uuid.uuid4())
            connection.execute("insert into auth.users (id) values (%s)", [user])
            [project] = connection.execute(
                "insert into public.projects (owner_id) values (%s) returning id", [user]
            ).fetchone()
            made[name] = (token_for(storage, user), str(project))
    return made


@pytest.fixture
async def call(storage):
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:

        async def request(method, path, key, **more):
            headers = {"Authorization": f"Bearer {key}", "content-type": "image/png", **more.pop("headers", {})}
            return await http.request(method, f"{storage.supabase_url}/storage/v1{path}", headers=headers, **more)

        yield request


@pytest.fixture
async def key(call, storage, people):
    _, project = people["owner"]
    key = f"{project}/{uuid.uuid4()}/x.png"
    for bucket in BUCKETS:
        answer = await call("POST", f"/object/{bucket}/{key}", storage.secret_key, content=PNG)
        assert answer.status_code == 200, answer.text
    return key


def code(answer):
    return answer.json()["statusCode"], answer.json()["code"]


@pytest.mark.parametrize("bucket", BUCKETS)
async def test_others_and_nobody_see_nothing(call, storage, people, key, bucket):
    folder = key.rpartition("/")[0]
    for stranger in (people["other"][0], storage.publishable_key, token_for(storage, str(uuid.uuid4()))):
        assert code(await call("GET", f"/object/{bucket}/{key}", stranger)) == ("404", "NoSuchKey")
        assert code(await call("GET", f"/object/info/{bucket}/{key}", stranger)) == ("404", "NoSuchKey")
        signed = await call("POST", f"/object/sign/{bucket}/{key}", stranger, json={"expiresIn": 60})
        assert code(signed) == ("404", "NoSuchKey")
        many = await call("POST", f"/object/sign/{bucket}", stranger, json={"expiresIn": 60, "paths": [key]})
        assert many.json()[0]["signedURL"] is None
        listed = await call("POST", f"/object/list/{bucket}", stranger, json={"prefix": folder})
        assert (listed.status_code, listed.json()) == (200, [])


@pytest.mark.parametrize("bucket", BUCKETS)
async def test_owners_read_their_own(call, people, key, bucket):
    owner, _ = people["owner"]
    assert (await call("GET", f"/object/{bucket}/{key}", owner)).content == PNG
    listed = await call("POST", f"/object/list/{bucket}", owner, json={"prefix": key.rpartition("/")[0]})
    assert [entry["name"] for entry in listed.json()] == ["x.png"]
    signed = await call("POST", f"/object/sign/{bucket}/{key}", owner, json={"expiresIn": 60})
    assert (await call("GET", signed.json()["signedURL"], "nobody")).content == PNG


@pytest.mark.parametrize("bucket", BUCKETS)
async def test_nobody_but_the_service_writes(call, storage, people, key, bucket):
    project = people["owner"][1]
    for client in (people["owner"][0], people["other"][0], storage.publishable_key):
        new = f"/object/{bucket}/{project}/{uuid.uuid4()}.png"
        assert code(await call("POST", new, client, content=PNG)) == ("403", "AccessDenied")
        replaced = await call("PUT", f"/object/{bucket}/{key}", client, content=b"mine")
        assert code(replaced) == ("403", "AccessDenied")
        asked = await call("POST", f"/object/upload/sign/{bucket}/{project}/new.png", client)
        assert code(asked) == ("403", "AccessDenied")
        removed = await call("DELETE", f"/object/{bucket}", client, json={"prefixes": [key]})
        assert removed.json() == []
        places = {"bucketId": bucket, "sourceKey": key, "destinationKey": f"{project}/moved.png"}
        assert code(await call("POST", "/object/move", client, json=places)) == ("404", "NoSuchKey")
        assert code(await call("POST", "/object/copy", client, json=places)) in (
            ("403", "AccessDenied"),
            ("404", "NoSuchKey"),
        )
        assert code(await call("POST", "/bucket", client, json={"name": "mine"})) == ("403", "AccessDenied")
    assert (await call("GET", f"/object/{bucket}/{key}", storage.secret_key)).content == PNG


async def test_a_service_token_may_do_everything(call, storage, key):
    service = token_for(storage, str(uuid.uuid4()), role="service_role")
    removed = await call("DELETE", f"/object/{BUCKETS[0]}", service, json={"prefixes": [key]})
    assert [one["name"] for one in removed.json()] == [key]


def test_rows_of_objects_cannot_be_deleted_by_sql(storage, key):
    with psycopg.connect(storage.database_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("delete from storage.objects where name = %s", [key])

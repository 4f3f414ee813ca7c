"""A project goes with all its objects, through the Storage API; a storage that fails half way loses nothing."""

from dataclasses import replace

import httpx
import psycopg
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.conftest import serve_app
from tests.ports import free_port

from maquette.api.app import create_app
from maquette.settings import Settings
from maquette.storage.buckets import BUCKETS

MANY = 1003  # more than one page of a list and one call of a removal may have


class Troubled:
    """Storage, but removals from some buckets are refused; ``removed`` counts the others' calls."""

    def __init__(self, url):
        self.url, self.refuses, self.removed = url, set(), 0

    async def pass_on(self, request):
        bucket = request.url.path.rpartition("/")[2]
        if request.method == "DELETE":
            if bucket in self.refuses:
                body = {"statusCode": "403", "error": "Unauthorized", "message": "not now", "code": "AccessDenied"}
                return JSONResponse(body, 400)
            self.removed += 1
        headers = {name: value for name, value in request.headers.items() if name not in ("host", "content-length")}
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            answer = await http.request(
                request.method, f"{self.url}{request.url.path}", content=await request.body(), headers=headers
            )
        return Response(answer.content, answer.status_code, media_type=answer.headers.get("content-type"))


@pytest.fixture
def troubled(storage):
    trouble = Troubled(storage.supabase_url)
    port = free_port()
    methods = ["GET", "POST", "PUT", "DELETE", "HEAD"]
    with serve_app(Starlette(routes=[Route("/{path:path}", trouble.pass_on, methods=methods)]), port):
        trouble.at = f"http://127.0.0.1:{port}"
        yield trouble


@pytest.fixture
def api(stack, troubled):
    """The API, whose storage is the troubled one."""
    settings = Settings(home=stack.home, port=free_port())
    connections = replace(stack.connections, supabase_url=troubled.at)
    with (
        serve_app(create_app(settings, connections), settings.port),
        httpx.Client(base_url=f"{settings.server_url}/api/v1", timeout=60, trust_env=False) as client,
    ):
        yield client


def fill(stack, project, many):
    """Objects on several levels in every bucket, ``many`` of them on one level of the last."""
    with psycopg.connect(stack.connections.database_url) as connection:
        for bucket in BUCKETS:
            keys = [f"{project}/{n}" for n in range(many if bucket == BUCKETS[-1] else 2)]
            keys += [f"{project}/x/y/{n}" for n in range(2)]
            connection.execute(
                "insert into storage.objects (bucket_id, name, version) select %s, unnest(%s::text[]), 'none'",
                [bucket, keys],
            )


def left(stack, project):
    with psycopg.connect(stack.connections.database_url) as connection:
        return dict(
            connection.execute(
                "select bucket_id, count(*) from storage.objects where name like %s group by 1", [f"{project}/%"]
            ).fetchall()
        )


def test_more_objects_than_one_call_takes(api, stack, troubled):
    project = api.post("/projects").json()["id"]
    fill(stack, project, MANY)
    assert api.delete(f"/projects/{project}").status_code == 204
    assert left(stack, project) == {}
    assert troubled.removed > len(BUCKETS)
    assert api.get(f"/projects/{project}").status_code == 404


def test_a_storage_that_fails_half_way_is_asked_again(api, stack, troubled):
    project, other = (api.post("/projects").json()["id"] for _ in range(2))
    for one in (project, other):
        fill(stack, one, 2)
    troubled.refuses = {BUCKETS[3]}
    refused = api.delete(f"/projects/{project}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "storage_refused")
    # What was not removed still has its project, so nothing is forgotten.
    assert api.get(f"/projects/{project}").status_code == 200
    assert set(left(stack, project)) == set(BUCKETS[3:])
    troubled.refuses = set()
    assert api.delete(f"/projects/{project}").status_code == 204
    assert left(stack, project) == {}
    assert left(stack, other) == dict.fromkeys(BUCKETS, 4)

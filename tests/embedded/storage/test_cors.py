"""Pages of other sites: they may call, with a key, and read what they need."""

import pytest
from tests.embedded.storage.wire import BUCKET, PNG, folder, refused

PAGE = {"Origin": "https://page.example"}

# What supabase-js 2 and tus-js-client 4 send.
SENT = (
    "authorization,apikey,x-client-info,content-type,cache-control,x-upsert,x-metadata,x-signature,range,if-none-match,"
    "tus-resumable,upload-length,upload-metadata,upload-offset"
)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [f"/object/{BUCKET}/x", "/upload/resumable", "/upload/resumable/sign/x", "/bucket"])
async def test_a_page_may_ask_for_every_method_and_header(call, method, path):
    asked = {**PAGE, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": SENT}
    answer = await call("OPTIONS", path, key=None, headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert method in answer.headers["access-control-allow-methods"].split(", ")
    assert answer.headers["access-control-allow-headers"] == SENT
    # No cookie goes along, ever: what opens is the key that the page itself has.
    assert "access-control-allow-credentials" not in answer.headers


async def test_a_page_may_read_what_the_clients_need(begin, send, call):
    address, key = await begin(len(PNG))
    answer = await send(address, 0, PNG, headers=PAGE)
    assert answer.headers["access-control-allow-origin"] == "*"
    shown = {name.lower() for name in answer.headers["access-control-expose-headers"].split(", ")}
    assert {"location", "upload-offset", "upload-length", "tus-resumable", "etag", "content-range"} <= shown
    part = await call("GET", f"/object/{BUCKET}/{key}", headers={**PAGE, "Range": "bytes=0-0"})
    assert (part.status_code, part.headers["access-control-allow-origin"]) == (206, "*")


async def test_a_page_can_read_why_it_was_refused(call):
    answer = await call("GET", f"/object/{BUCKET}/{folder()}", headers=PAGE)
    refused(answer, 404, "not_found", "NoSuchKey")
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_page_without_a_key_gets_nothing(call):
    answer = await call("GET", f"/object/{BUCKET}/x", key=None, headers={**PAGE, "Cookie": "a=b"})
    refused(answer, 403, "Unauthorized", "AccessDenied")


async def test_a_public_site_does_not_reach_into_this_machine(call):
    asked = {**PAGE, "Access-Control-Request-Method": "GET", "Access-Control-Request-Private-Network": "true"}
    answer = await call("OPTIONS", "/bucket", key=None, headers=asked)
    assert answer.status_code == 400
    assert "access-control-allow-private-network" not in answer.headers

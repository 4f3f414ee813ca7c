"""Lists of objects: one level at a time, or page by page."""

from datetime import datetime

import pytest
from tests.embedded.storage.wire import BUCKET, PNG, client_for, folder


async def test_listing_shows_one_level_folders_first(bucket, call):
    owner = folder()
    for name in ("b.png", "a.png", "sub/c.png", "sub/deep/d.png", "zoo/e.png"):
        await bucket.upload(f"{owner}/{name}", PNG, {"content-type": "image/png"})
    listed = await bucket.list(owner)
    assert [(entry["name"], entry["id"] is None) for entry in listed] == [
        ("sub", True),
        ("zoo", True),
        ("a.png", False),
        ("b.png", False),
    ]
    assert listed[0]["metadata"] is None
    assert set(listed[2]) == {"name", "id", "updated_at", "created_at", "last_accessed_at", "metadata"}
    assert set(listed[2]["metadata"]) == {
        "eTag",
        "size",
        "mimetype",
        "cacheControl",
        "lastModified",
        "contentLength",
        "httpStatusCode",
    }
    assert listed[2]["created_at"].endswith("Z") and len(listed[2]["created_at"]) == len("2026-11-20T20:50:40.541Z")
    datetime.fromisoformat(listed[2]["created_at"])
    descending = await bucket.list(owner, {"sortBy": {"column": "name", "order": "desc"}, "limit": 3, "offset": 1})
    assert [entry["name"] for entry in descending] == ["sub", "b.png", "a.png"]
    assert [entry["name"] for entry in await bucket.list(owner, {"search": "B"})] == ["b.png"]
    assert [entry["name"] for entry in await bucket.list(f"{owner}/sub/")] == ["deep", "c.png"]
    assert await bucket.list(f"{owner}/su") == []


async def test_pages_of_one_level(bucket):
    owner = folder()
    for name in ("a.png", "b/x.png", "b/y.png", "c.png", "d/z.png"):
        await bucket.upload(f"{owner}/{name}", PNG, {"content-type": "image/png"})
    first = await bucket.list_v2({"prefix": f"{owner}/", "limit": 3, "with_delimiter": True})
    assert (first.hasNext, [one.name for one in first.folders]) == (True, [f"{owner}/b/"])
    assert [(one.key, one.name) for one in first.objects] == [("a.png", f"{owner}/a.png"), ("c.png", f"{owner}/c.png")]
    assert first.folders[0].key == "b"
    rest = await bucket.list_v2({"prefix": f"{owner}/", "with_delimiter": True, "cursor": first.nextCursor})
    assert (rest.hasNext, rest.nextCursor, rest.objects) == (False, None, [])
    assert [one.name for one in rest.folders] == [f"{owner}/d/"]


@pytest.mark.parametrize("column", ["name", "created_at", "updated_at"])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_of_whole_keys_hold_each_object_once(bucket, column, order):
    owner = folder()
    keys = [f"{owner}/{name}.png" for name in ("c", "a/a", "b", "a/b", "d")]
    for key in keys:
        await bucket.upload(key, PNG, {"content-type": "image/png"})
    seen, cursor = [], {}
    for _ in range(3):
        page = await bucket.list_v2(
            {"prefix": owner, "limit": 2, "sortBy": {"column": column, "order": order}, **cursor}
        )
        assert page.folders == []
        seen += [one.name for one in page.objects]
        cursor = {"cursor": page.nextCursor}
    assert not page.hasNext
    in_order = sorted(keys) if column == "name" else keys
    assert seen == (in_order if order == "asc" else in_order[::-1])


async def test_pages_show_only_what_the_caller_may_see(storage, http, bucket):
    await bucket.upload(f"{folder()}/x.png", PNG, {"content-type": "image/png"})
    page = await client_for(storage, storage.publishable_key, http).from_(BUCKET).list_v2({})
    assert (page.hasNext, page.objects, page.folders) == (False, [], [])


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 0},
        {"limit": "5"},
        {"prefix": "a\0b"},
        {"prefix": ["a"]},
        {"cursor": "nonsense"},
        {"cursor": "WzEsMiwzLDRd"},
        {"cursor": "bnVsbA=="},
        {"sortBy": {"column": "metadata"}},
    ],
)
async def test_pages_that_make_no_sense(call, body):
    answer = await call("POST", f"/object/list-v2/{BUCKET}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidRequest")

"""Lists of objects: one level at a time, or page by page."""

from datetime import datetime

from tests.embedded.storage.wire import PNG, folder


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

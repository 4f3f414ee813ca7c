"""Lists: files and folders of one level, searched, ordered, in pages."""

import pytest

from tests.supabase.test_storage_objects import TIME

pytestmark = pytest.mark.supabase

ROW = {"name", "id", "updated_at", "created_at", "last_accessed_at", "metadata"}
METADATA = {"eTag", "size", "mimetype", "cacheControl", "lastModified", "contentLength", "httpStatusCode"}


@pytest.fixture
def listing(service, bucket):
    """Asks for one level of the bucket."""

    def listing(folder, **options):
        answer = service.post(f"/object/list/{bucket}", json={"prefix": folder, **options})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return listing


def test_a_file_has_its_metadata(listing, put, folder):
    put("a.txt", b"0123456789", cache_control="max-age=60")
    [row] = listing(folder)
    assert set(row) >= ROW
    assert row["name"] == "a.txt"
    assert row["id"]
    assert all(TIME.fullmatch(row[at]) for at in ("updated_at", "created_at", "last_accessed_at"))
    about = row["metadata"]
    assert set(about) >= METADATA
    assert (about["size"], about["contentLength"], about["httpStatusCode"]) == (10, 10, 200)
    assert about["mimetype"].startswith("text/plain")
    assert about["cacheControl"] == "max-age=60"
    assert TIME.fullmatch(about["lastModified"])


def test_a_folder_is_a_name_and_nothing_else(listing, put, folder):
    put("deep/er/a.txt")
    put("deep/b.txt")
    [row] = listing(folder)
    assert row["name"] == "deep"
    assert {row[key] for key in ROW - {"name"}} == {None}
    assert sorted(row["name"] for row in listing(f"{folder}/deep")) == ["b.txt", "er"]
    # A prefix means a folder, with or without the slash at its end.
    assert listing(f"{folder}/deep/") == listing(f"{folder}/deep")


def test_a_list_comes_in_pages(listing, put, folder):
    for name in "abcde":
        put(f"{name}.txt")
    order = {"sortBy": {"column": "name", "order": "asc"}}
    first = [row["name"] for row in listing(folder, limit=2, offset=0, **order)]
    second = [row["name"] for row in listing(folder, limit=2, offset=2, **order)]
    third = [row["name"] for row in listing(folder, limit=2, offset=4, **order)]
    assert (first, second, third) == (["a.txt", "b.txt"], ["c.txt", "d.txt"], ["e.txt"])
    assert listing(folder, limit=2, offset=6, **order) == []


def test_a_list_is_ordered_as_asked(listing, put, folder):
    for name in "bac":
        put(f"{name}.txt")
    down = listing(folder, sortBy={"column": "name", "order": "desc"})
    assert [row["name"] for row in down] == ["c.txt", "b.txt", "a.txt"]
    by_age = listing(folder, sortBy={"column": "created_at", "order": "asc"})
    assert [row["name"] for row in by_age] == ["b.txt", "a.txt", "c.txt"]


def test_a_search_finds_names_that_begin_so(listing, put, folder):
    for name in ("alpha.txt", "alps/x.txt", "beta.txt"):
        put(name)
    assert sorted(row["name"] for row in listing(folder, search="alp")) == ["alpha.txt", "alps"]
    assert listing(folder, search="missing") == []
    # Signs that SQL's `like` would take for anything are taken as they are.
    assert listing(folder, search="al_s") == []
    assert listing(folder, search="%") == []


def test_a_folder_that_is_not_there_is_empty(listing, folder):
    assert listing(folder) == []


def test_an_anonymous_list_is_empty_not_refused(anon, bucket, put, folder):
    put("hidden.txt")
    answer = anon.post(f"/object/list/{bucket}", json={"prefix": folder})
    assert (answer.status_code, answer.json()) == (200, [])

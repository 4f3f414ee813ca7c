"""A server killed in the midst of uploads, at every point where that could leave something half done."""

import hashlib
import socket
import uuid

import httpx
import psycopg
import pytest
from tests.embedded.storage.process import NAME, storage_process
from tests.embedded.storage.wire import described, files_under, until

from maquette.db.connection import open_pool
from maquette.embedded.storage.app import create_storage_app
from maquette.embedded.storage.sweeping import sweep

SIZE = 3_000_000
CONTENT = bytes(range(256)) * (SIZE // 256) + b"end"
STREAM = {"Content-Type": "application/offset+octet-stream", "Tus-Resumable": "1.0.0"}

# An upload whose key says so waits there: before its row is written, or when it is and only the commit is left, which
# Postgres then carries out although the client is dead.
WAIT_FOR_THE_KILL = """
create schema crash;
create function crash.wait() returns trigger language plpgsql as $$
begin
    if strpos(new.name, tg_argv[0]) > 0 then
        perform pg_advisory_xact_lock_shared(4242);
    end if;
    return new;
end
$$;
create trigger crash_before before insert on storage.objects
for each row execute function crash.wait('before-row');
create constraint trigger crash_after after insert or update on storage.objects deferrable initially deferred
for each row execute function crash.wait('after-row');
"""
NO_MORE = """
drop trigger crash_before on storage.objects;
drop trigger crash_after on storage.objects;
drop schema crash cascade;
"""


class Kill:
    """Uploads begun in a process that is then killed: what was sent where."""

    def __init__(self, reached, bucket):
        self.url = f"{reached.supabase_url}/storage/v1"
        self.bucket = bucket
        self.port = int(reached.supabase_url.rpartition(":")[2])
        self.headers = {"Authorization": f"Bearer {reached.secret_key}", "x-upsert": "true"}

    def put(self, key, content=CONTENT):
        url = f"{self.url}/object/{self.bucket}/{key}"
        return httpx.post(url, content=content, headers=self.headers, trust_env=False)

    def begin(self, key):
        metadata = described(bucketName=self.bucket, objectName=key)
        sent = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(CONTENT)), "Upload-Metadata": metadata}
        answer = httpx.post(f"{self.url}/upload/resumable", headers=self.headers | sent, trust_env=False)
        return answer.headers["location"].removeprefix(self.url)

    def send(self, method, path, data, **headers):
        """Send a request's head and some of its body, and leave the line open."""
        line = socket.create_connection(("127.0.0.1", self.port))
        sent = {**self.headers, **headers, "Host": "x", "Content-Length": str(len(CONTENT))}
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        line.sendall(f"{method} /storage/v1{path} HTTP/1.1\r\n{head}\r\n".encode() + data)
        return line


@pytest.fixture
def bucket(stack):
    name = f"crash-{uuid.uuid4().hex[:8]}"
    with psycopg.connect(stack.connections.database_url) as connection:
        connection.execute("insert into storage.buckets (id, name) values (%s, %s)", [name, name])
    return name


@pytest.fixture
def waiting(stack):
    """The points at which uploads wait for the kill, while somebody holds the lock."""
    with psycopg.connect(stack.connections.database_url, autocommit=True) as connection:
        connection.execute(WAIT_FOR_THE_KILL)
        yield
        connection.execute(NO_MORE)


@pytest.mark.usefixtures("waiting")
async def test_a_kill_leaves_no_half_object_and_what_it_leaves_is_swept(stack, bucket, tmp_path):
    resumable, incoming = tmp_path / "storage/.resumable", tmp_path / "storage/.incoming"
    with psycopg.connect(stack.connections.database_url, autocommit=True) as connection:

        def count(query, *given):
            return connection.execute(query, given).fetchone()[0]

        with storage_process(stack.connections, tmp_path) as (process, reached):
            kill = Kill(reached, bucket)
            assert kill.put("plain/after-row", b"old").status_code == 200
            connection.execute("select pg_advisory_lock(4242)")
            try:
                uploads = {where: kill.begin(f"tus/{where}") for where in ("in-body", "before-row", "after-row")}
                lines = [kill.send("POST", f"/object/{bucket}/plain/in-body", CONTENT[:2_000_000])]
                for where in ("before-row", "after-row"):
                    lines.append(kill.send("POST", f"/object/{bucket}/plain/{where}", CONTENT))
                for where, path in uploads.items():
                    data = CONTENT if where != "in-body" else CONTENT[:2_000_000]
                    lines.append(kill.send("PATCH", path, data, **STREAM, **{"Upload-Offset": "0"}))
                await until(lambda: count("select count(*) from pg_locks where not granted and objid = 4242") == 4)
                sent = resumable / f"{uploads['in-body'].rpartition('/')[2]}.bytes"
                await until(lambda: sent.exists() and sent.stat().st_size >= 1 << 20)
                await until(lambda: sum(file.stat().st_size for file in incoming.iterdir()) >= 1 << 20)
                process.kill()
                process.wait()
            finally:
                connection.execute("select pg_advisory_unlock(4242)")
                for line in lines:
                    line.close()
                await until(
                    lambda: not count("select count(*) from pg_stat_activity where application_name = %s", NAME)
                )

        def rows():
            query = "select name, version, (metadata->>'size')::int from storage.objects where bucket_id = %s"
            return {tmp_path / "storage" / bucket / k / v: size for k, v, size in connection.execute(query, [bucket])}

        def on_disk():
            return {file: file.stat().st_size for file in files_under(tmp_path / "storage" / bucket)}

        # Each row has its whole file; the two before their rows, and the one that was replaced, are nobody's.
        assert {file.parent.name for file in rows()} == {"after-row"} and len(rows()) == 2
        assert rows().items() <= on_disk().items()
        assert len(on_disk()) == 5

        async with open_pool(stack.connections.database_url) as pool:
            app = create_storage_app(stack.connections, tmp_path, pool)
            assert files_under(incoming) == []
            assert (await sweep(app.state.service, grace_s=3600)).files == 0
            assert (await sweep(app.state.service, grace_s=0)).files == 3
            assert rows() == on_disk()
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=kill.headers) as http:
                lost = await http.get(f"/object/{bucket}/plain/before-row")
                assert lost.json()["code"] == "NoSuchKey"
                assert (await http.get(f"/object/{bucket}/plain/after-row")).content == CONTENT
                for where, path in uploads.items():
                    head = await http.head(path, headers=STREAM)
                    offset = int(head.headers["upload-offset"])
                    assert (offset == len(CONTENT)) is (where != "in-body")
                    sent = {**STREAM, "Upload-Offset": str(offset)}
                    assert (await http.patch(path, content=CONTENT[offset:], headers=sent)).status_code == 204
                    whole = await http.get(f"/object/{bucket}/tus/{where}")
                    assert whole.content == CONTENT
                    assert whole.headers["etag"] == f'"{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}"'
            assert (await sweep(app.state.service, grace_s=0)).files == 0
            assert rows() == on_disk() and len(rows()) == 4
            assert files_under(resumable) and not list(resumable.glob("*.bytes"))

"""Objects of any size pass through a few megabytes of memory. The two gigabytes of it are in bench/storage.py."""

import uuid
from pathlib import Path

import httpx
import psycopg
import pytest
from tests.embedded.storage.process import storage_process
from tests.embedded.storage.wire import described

BLOCK = bytes(1 << 20)
SIZE = 128 << 20
MOST = 40 << 20


def peak_bytes(pid):
    """The most that a process ever had in memory."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def blocks(size):
    for _ in range(size // len(BLOCK)):
        yield BLOCK


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks of memory are read from /proc")
def test_memory_does_not_grow_with_the_object(stack, tmp_path):
    bucket = f"large-{uuid.uuid4().hex[:8]}"
    with psycopg.connect(stack.connections.database_url) as connection:
        connection.execute("insert into storage.buckets (id, name) values (%s, %s)", [bucket, bucket])
    with (
        storage_process(stack.connections, tmp_path) as (process, reached),
        httpx.Client(base_url=f"{reached.supabase_url}/storage/v1", timeout=60, trust_env=False) as http,
    ):
        http.headers["Authorization"] = f"Bearer {reached.secret_key}"

        def up(name, size):
            sent = {"Content-Length": str(size)}
            assert http.post(f"/object/{bucket}/{name}", content=blocks(size), headers=sent).status_code == 200

        def up_in_form(name, size):
            start = b'--b\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\n'

            def form():
                yield start
                yield from blocks(size)
                yield b"\r\n--b--\r\n"

            sent = {"Content-Type": "multipart/form-data; boundary=b"}
            assert http.post(f"/object/{bucket}/{name}", content=form(), headers=sent).status_code == 200

        def up_by_tus(name, size):
            metadata = described(bucketName=bucket, objectName=name)
            sent = {"Tus-Resumable": "1.0.0", "Upload-Length": str(size), "Upload-Metadata": metadata}
            address = http.post("/upload/resumable", headers=sent).headers["location"]
            sent = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
            assert http.patch(address, content=blocks(size), headers=sent).status_code == 204

        def down(name):
            with http.stream("GET", f"/object/{bucket}/{name}") as answer:
                return sum(map(len, answer.iter_raw()))

        for way in (up, up_in_form, up_by_tus):
            way(f"small/{way.__name__}", 8 << 20)
            down(f"small/{way.__name__}")
        before = peak_bytes(process.pid)
        for way in (up, up_in_form, up_by_tus):
            way(f"large/{way.__name__}", SIZE)
            assert down(f"large/{way.__name__}") == SIZE
            assert http.delete(f"/object/{bucket}/large/{way.__name__}").status_code == 200
        assert peak_bytes(process.pid) - before < MOST

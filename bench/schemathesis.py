"""Calls the whole API as its description allows and forbids: `python -m bench.schemathesis [--examples 100]`.

Starts an embedded stack of its own with the API and rows as a worker leaves them. Each operation gets so many calls
that are allowed and as many that are not, with real ids and made-up ones. Prints how many there were, how they were
answered, and each kind of answer that the description does not foresee; a 500 never is.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path

import httpx
from tests.api.conforming import names_of, try_operations
from tests.api.conftest import served
from tests.api.worker import Worker
from tests.ports import free_port

from maquette.embedded.stack import run_stack
from maquette.settings import Settings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="operations whose method and path hold this")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", message="Do not use the `random` module")
    home = Path(tempfile.mkdtemp(prefix="maquette-calls-"))
    home.chmod(0o755)  # Postgres may run under another account
    settings = Settings(
        home=home, port=free_port(), max_file_mb=1, max_upload_mb=2, database_url=None, webhook_hosts=("127.0.0.1",)
    )
    began = time.monotonic()
    try:
        with (
            run_stack(settings) as stack,
            served(settings, stack.connections) as url,
            httpx.Client(base_url=f"{url}/api/v1", timeout=60, trust_env=False) as client,
        ):
            tried = try_operations(
                url,
                client.get("/openapi.json").json(),
                lambda: names_of(client, Worker(stack.connections)),
                examples=asked.examples,
                number=asked.seed,
                only=lambda label: asked.only in label,
            )
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(f"{sum(tried.calls.values())} calls of {len(tried.calls)} operations, {time.monotonic() - began:.0f} s")
    print("answers:", ", ".join(f"{count} x {status}" for status, count in sorted(tried.statuses.items())))
    for what, how in tried.faults.items():
        print(f"\n{what}\n{how}")
    print(f"{len(tried.faults)} faults")
    return 1 if tried.faults else 0


if __name__ == "__main__":
    sys.exit(main())

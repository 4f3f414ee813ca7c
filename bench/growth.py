"""Milliseconds at the database of every read that a user can ask for, while other people's projects grow in number.

    python -m bench.growth [--sizes 10 100 1000 10000] [--times 5]

The reader has five projects of 64 photos and 20 versions (bench.seed.FULL) at every size. All others hold 8 photos
and 3 versions (SMALL) and belong to 50 people, from 1,000 on also to one who has a tenth of them all. Times are
planning and execution as EXPLAIN ANALYZE gives them, the median of so many, summed over a read's statements; `rows`
is what scans returned or threw away at the first and at the last size. A read is fine where it goes through no large
table from end to end and looks at no more rows when others have more.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psycopg
from bench.reads import Plan, Statement, browser_reads, explain, service_reads
from bench.seed import FULL, SMALL, fill, seed_id
from bench.serving import free_port

from maquette.api.owners import LOCAL_OWNER
from maquette.embedded.home import load_secrets
from maquette.embedded.postgres import ADMIN
from maquette.embedded.stack import run_stack
from maquette.settings import Settings

MINE = 5
HEAVY = seed_id("owner", 1_000_000)
LARGE = 900
"""Rows from which on a table must not be read from end to end."""


def grow(admin: psycopg.Connection[Any], have: int, size: int) -> None:
    """Add other people's projects until there are ``size``."""
    heavy = (size - have) // 10 if size >= 1000 else 0
    fill(admin, range(have, size - heavy), SMALL)
    fill(admin, range(size - heavy, size), SMALL, owner=HEAVY)
    admin.execute("vacuum analyze")


def measure(admin: psycopg.Connection[Any], statements: list[Statement], times: int) -> dict[str, Plan]:
    """By name; of several statements the sum."""
    plans: defaultdict[str, list[Plan]] = defaultdict(list)
    for statement in statements:
        plans[statement.name].append(explain(admin, statement, times=times))
    return {
        name: Plan(
            sum(plan.milliseconds for plan in found),
            sum(plan.touched for plan in found),
            frozenset[str]().union(*(plan.sequential for plan in found)),
        )
        for name, found in plans.items()
    }


def show(title: str, sizes: list[int], found: dict[int, dict[str, Plan]], large: frozenset[str]) -> None:
    print(f"\n{title}\n{'':44}" + "".join(f"{size:>9}" for size in sizes) + f"{'rows':>16}  verdict")
    first, last = found[sizes[0]], found[sizes[-1]]
    for name, plan in last.items():
        before = first[name].touched if name in first else 0
        through = plan.sequential & large
        verdict = f"reads all of {', '.join(sorted(through))}" if through else "ok"
        if len(sizes) > 1 and plan.touched > 1.2 * before + 50:
            verdict = f"grows; {verdict}"
        times = "".join(
            f"{found[size][name].milliseconds:9.2f}" if name in found[size] else f"{'':9}" for size in sizes
        )
        print(f"{name:44}{times}{f'{before} → {plan.touched}':>16}  {verdict}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000, 10000])
    parser.add_argument("--times", type=int, default=5)
    chosen = parser.parse_args()
    sizes = sorted(chosen.sizes)
    by_service: dict[int, dict[str, Plan]] = {}
    by_browser: dict[int, dict[str, Plan]] = {}
    with tempfile.TemporaryDirectory(prefix="maquette-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # Postgres may run under another account
        settings = Settings(home=home, port=free_port(), database_url=None)
        with run_stack(settings) as stack:
            password = load_secrets(home).admin_password
            server: dict[str, Any] = {"host": "127.0.0.1", "port": stack.postgres.port, "user": ADMIN}
            with psycopg.connect(**server, password=password, dbname="postgres", autocommit=True) as admin:
                fill(admin, range(MINE), FULL, owner=LOCAL_OWNER)
                have = MINE
                for size in sizes:
                    began = time.perf_counter()
                    grow(admin, have, size)
                    have, row = size, admin.execute("select pg_size_pretty(pg_database_size('postgres'))").fetchone()
                    assert row is not None
                    took_s = time.perf_counter() - began
                    print(
                        f"{size} projects: filled in {took_s:.1f} s, {row[0]}, load {os.getloadavg()[0]:.2f}",
                        flush=True,
                    )
                    asked = service_reads(settings, stack.connections, 1, FULL)
                    by_service[size] = measure(admin, asked, chosen.times)
                    by_browser[size] = measure(admin, browser_reads(admin, 1, LOCAL_OWNER), chosen.times)
                grown = admin.execute("select relname from pg_class where reltuples > %s and relkind = 'r'", [LARGE])
                large = frozenset(str(row[0]) for row in grown.fetchall())
                show("As the service asks", sizes, by_service, large)
                show("As a browser asks, under row security", sizes, by_browser, large)
                if sizes[-1] >= 1000:
                    heavy = {sizes[-1]: measure(admin, browser_reads(admin, sizes[-1] - 1, HEAVY), chosen.times)}
                    show("The same for the one who has a tenth of all projects", sizes[-1:], heavy, large)
    print(f"\nload {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()

"""One site for each pytest process that runs any test of this folder, and the figures of all of them at the end."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.clock import make_clocks
from tests.faults.disk import mount_disk
from tests.faults.figures import Figures
from tests.faults.invariants import Audit
from tests.faults.life import generate_calmly
from tests.faults.proxy import run_proxy
from tests.faults.server import Server
from tests.faults.site import Site
from tests.faults.uploads import Uploads

SEED = int(os.environ.get("FAULTS_SEED", "6"))
DISKS_MB = {"machines": 96, "server": 640}


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """As few and as small as cameras can be found for."""
    from maquette.recon.synthetic import make_capture

    folder = tmp_path_factory.mktemp("village")
    return [path.read_bytes() for path in make_capture(folder, views=6, width=240, height=180).paths]


@pytest.fixture(scope="session")
def running_site(photos: list[bytes]) -> Iterator[Site]:
    # Not under tmp_path: pytest closes that to other users, and Postgres runs as one when root runs the tests.
    folder = Path(tempfile.mkdtemp(prefix="maquette-faults-"))
    folder.chmod(0o755)
    clocks = make_clocks(folder, "machine", "database")
    disks = {name: disk for name, size in DISKS_MB.items() if (disk := mount_disk(folder / name, size)) is not None}
    server = Server(folder / "server" / "home", folder / "home.log", clocks)
    try:
        server.start()
        with run_proxy(server.port) as proxy:
            site = Site(server, proxy, folder / "machines", disks, clocks, Uploads(server), random.Random(SEED))
            site.start_worker("machine-0")
            site.watch.start()
            audit = Audit(site)
            audit.start()
            try:
                generate_calmly(site, photos)
                yield site
            finally:
                audit.end()
                site.watch.end()
                site.proxy.calm()
                for worker in site.workers:
                    worker.kill()
    finally:
        server.hang_up()
        if server.process is not None and server.process.poll() is None:
            server.stop()
        for disk in disks.values():
            disk.unmount()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def site(running_site: Site, record_property: pytest.RecordProperty) -> Iterator[Site]:
    """The site, calm, with figures that count from here on."""
    running_site.figures = Figures()
    yield running_site
    running_site.proxy.calm()
    for disk in running_site.disks.values():
        disk.make_room()
    # This way counts also reach the process that started the tests on several.
    record_property("faults", running_site.figures.as_dict())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    figures = Figures()
    counted = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "faults" and getattr(report, "when", "") == "teardown"
    ]
    for one in counted:
        figures.add(one)
    if counted:
        terminalreporter.section("faults")
        for line in figures.lines():
            terminalreporter.line(line)

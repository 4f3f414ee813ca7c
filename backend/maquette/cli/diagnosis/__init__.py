"""What ``maquette doctor`` looks at: the machine, the packages, the home, the models, the database and its workers.

Nothing is changed: a file is written into the home and removed again, and an embedded database that does not run is
started for a moment and stopped.
"""

from __future__ import annotations

from collections.abc import Iterator

from maquette.cli.diagnosis.database import look_at_database
from maquette.cli.diagnosis.home import look_at_home
from maquette.cli.diagnosis.machine import look_at_gpu, look_at_machine
from maquette.cli.diagnosis.models import look_at_models
from maquette.cli.diagnosis.packages import look_at_packages
from maquette.cli.diagnosis.server import look_at_server
from maquette.db.findings import Finding
from maquette.errors import MaquetteError
from maquette.settings import read_settings

__all__ = ["Finding", "findings"]


def findings() -> Iterator[Finding]:
    """One thing after the other, cheap ones first; what cannot be looked at without settings is left out."""
    yield from look_at_packages()
    yield look_at_gpu()
    try:
        settings = read_settings()
    except MaquetteError as error:
        yield Finding("settings", "failure", error.message, error.suggestion)
        return
    yield Finding("mode", "ok", "embedded stack" if settings.embedded else f"Supabase at {settings.supabase_url}")
    yield from look_at_machine(settings)
    home = list(look_at_home(settings))
    yield from home
    yield from look_at_models(settings)
    server = look_at_server(settings)
    yield server
    if settings.embedded and not all(finding.ok for finding in home):
        yield Finding("database", "warning", "not looked at", "Mend the home first.")
    else:
        yield from look_at_database(settings)

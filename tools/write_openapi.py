"""Write the description of our API into frontend/openapi.json, which the page's typed client is generated from."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from maquette.api.app import create_app
from maquette.settings import Connections, Settings

PATH = Path(__file__).parents[1] / "frontend" / "openapi.json"


def describe() -> dict[str, Any]:
    """The description as the server gives it; nothing is started, so the addresses need lead nowhere."""
    nowhere = Connections(
        database_url="", supabase_url="", secret_key="", publishable_key="", jwt_secret=None, embedded=True
    )
    settings = Settings(home=Path(tempfile.gettempdir()), database_url=None)
    return create_app(settings, nowhere).openapi()


def written() -> str:
    """The text of the file."""
    return json.dumps(describe(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(written())

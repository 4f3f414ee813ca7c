"""What a run's folder wants from the buckets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Wanted:
    """An object and where in the folder it belongs; an ``optional`` one may be gone or damaged."""

    path: str
    artifact: Mapping[str, Any]
    optional: bool = False

"""What users call their photos: processed ones have numbers for names, and nobody but us should have to read those."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from maquette.errors import MaquetteError

PROCESSED = re.compile(r"\b\d{4,}\.(?:jpg|png)\b")


def in_users_words(text: str, filenames: Mapping[str, str]) -> str:
    """The text with every processed photo's name replaced by that of the file it came from."""
    return PROCESSED.sub(lambda found: filenames.get(found[0], found[0]), text)


@contextmanager
def errors_in_users_words(filenames: Mapping[str, str]) -> Iterator[None]:
    """Raise errors on with the users' names in message, suggestion and details."""
    try:
        yield
    except MaquetteError as error:
        error.message = in_users_words(error.message, filenames)
        error.suggestion = in_users_words(error.suggestion, filenames)
        error.details = renamed(error.details, filenames)
        raise


def renamed(value: Any, filenames: Mapping[str, str]) -> Any:
    """Plain data with the users' names in all its texts."""
    match value:
        case str():
            return in_users_words(value, filenames)
        case dict():
            return {key: renamed(inner, filenames) for key, inner in value.items()}
        case list() | tuple():
            return [renamed(inner, filenames) for inner in value]
        case _:
            return value

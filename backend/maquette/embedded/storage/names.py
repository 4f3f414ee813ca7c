"""Which bucket names and object keys the service takes."""

from __future__ import annotations

import re

from maquette.embedded.storage.faults import Fault, invalid_key

MAX_KEY = 1024
# File systems take 255 bytes a segment.
MAX_SEGMENT = 255

_BUCKET = re.compile(r"[\w!\-.*'() &$@=;:+,?]{1,100}", re.ASCII)
_KEY = re.compile(r"[\w/!\-.*'() &$@=;:+,?]+", re.ASCII)


def check_key(key: str) -> str:
    """The key as it is, or a fault: ASCII, no empty, ``.`` or ``..`` segment, of bearable length."""
    segments = key.split("/")
    if (
        not _KEY.fullmatch(key)
        or len(key) > MAX_KEY
        or any(segment in ("", ".", "..") or len(segment) > MAX_SEGMENT for segment in segments)
    ):
        raise invalid_key(key)
    return key


def check_bucket(name: str) -> str:
    """A bucket's name as it is, or a fault. A dot in front is ours: incoming files lie there."""
    if not _BUCKET.fullmatch(name) or name.startswith("."):
        raise Fault(400, "Invalid Input", f"Bucket name invalid: {name[:100]!a}", "InvalidBucketName")
    return name

"""Words on a file's origin, made fit for headers and comments."""

from __future__ import annotations

import re

_MAX_CHARACTERS = 300


def one_line(words: str) -> str:
    """Printable ASCII on one line, that cannot be mistaken for a line of a PLY header, not even by readers that
    search it as a text.
    """
    words = " ".join(words.encode("ascii", "backslashreplace").decode().split())
    words = (
        re.sub(r"[^ -~]", " ", words).replace("end_header", "end-header").replace("element vertex", "element-vertex")
    )
    return words[:_MAX_CHARACTERS]

"""A page that shows the model: one HTML file that opens by a double click, with nothing loaded from anywhere.

It holds the model as SPZ (see :mod:`maquette.recon.formats.spz`; y up, slightly lossy) in base64, and the viewer of
the folder ``viewer/`` beside this file: WebGL 2, harmonics up to degree 3, sorted in a worker, for mouse, fingers and
keyboard. The page begins with the model in view and the right way up; its own policy forbids it the network.
Words on its origin stand in ``<meta name="maquette:…">``.
"""

from __future__ import annotations

import base64
import binascii
import html
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from maquette.recon.atomic import replacing
from maquette.recon.formats import spz
from maquette.recon.formats.activations import sigmoid
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.formats.format import Format, check_writable
from maquette.recon.formats.streams import Writable
from maquette.recon.gaussians import Gaussians

_VIEWER = Path(__file__).with_name("viewer")
_PARTS = {"SORTER": "sorter.js", "VERTEX": "splats.vert", "FRAGMENT": "splats.frag", "VIEWER": "viewer.js"}
_MODEL_MARK = b'<script id="model" type="text/plain">'
_END_MARK = b"</script>"
_LAST_WORDS = b"</html>\n"
_MAX_CHARACTERS = 300
_HALF_FIELD_OF_VIEW = np.pi / 8
_START_PITCH = 0.15


def write(gaussians: Gaussians, path: Path, *, provenance: Mapping[str, str]) -> None:
    """Store the page; ``provenance`` becomes ``<meta>``, its project and version the title.

    Raises as :func:`maquette.recon.formats.spz.write`.
    """
    check_writable(gaussians)
    page = (_VIEWER / "page.html").read_text(encoding="utf-8")
    words = {
        "META": "\n".join(
            f'<meta name="maquette:{_plain(key)}" content="{_plain(value)}">' for key, value in provenance.items()
        ),
        "TITLE": _plain(_title(provenance)),
        "START": json.dumps(_start(gaussians)),
        **{key: (_VIEWER / name).read_text(encoding="utf-8") for key, name in _PARTS.items()},
    }
    # Split by the marks, not replaced one after the other: words may hold what looks like a mark.
    pieces = re.split(r"%%([A-Z]+)%%", page)
    with replacing(path) as file:
        for text, key in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
            file.write(text.encode())
            if key == "MODEL":
                encoded = _Base64(file)
                spz.write_to(encoded, gaussians)
                encoded.finish()
            elif key:
                file.write(words[key].encode())


def _title(provenance: Mapping[str, str]) -> str:
    parts = [provenance.get("project", "Model")]
    if "version" in provenance:
        parts.append(f"version {provenance['version']}")
    return ", ".join(parts)


def _plain(words: str) -> str:
    """One printable line that HTML takes for nothing but words."""
    line = "".join(letter if letter.isprintable() else " " for letter in words)[:_MAX_CHARACTERS]
    return html.escape(line, quote=True)


def _start(gaussians: Gaussians) -> dict[str, object]:
    """Where the page looks at first: the middle of what is solid, from so far that most of it is in view.

    Floaters and far background must not push it away, so medians and quantiles, not bounds.
    """
    solid = sigmoid(gaussians.opacity_logits) > 0.5
    means = gaussians.means[solid] if solid.any() else gaussians.means
    middle = np.median(means, axis=0).astype(np.float64)
    radius = float(np.quantile(np.linalg.norm(means - middle, axis=1), 0.8))
    radius = max(radius, float(np.exp(np.median(gaussians.log_scales))), 1e-3)
    distance = 1.15 * radius / np.sin(_HALF_FIELD_OF_VIEW)
    return {"target": middle.tolist(), "distance": float(distance), "yaw": 0.0, "pitch": _START_PITCH}


class _Base64:
    """Encodes what is written through it."""

    def __init__(self, file: Writable) -> None:
        self._file = file
        self._left = b""

    def write(self, data: bytes) -> int:
        """Three bytes make four letters; what is left over waits."""
        joined = self._left + bytes(data)
        whole = len(joined) - len(joined) % 3
        self._file.write(base64.b64encode(joined[:whole]))
        self._left = joined[whole:]
        return len(data)

    def flush(self) -> None:
        """Nothing can be passed on before three bytes are together."""

    def finish(self) -> None:
        """Write what is left, padded."""
        self._file.write(base64.b64encode(self._left))
        self._left = b""


def read(path: Path) -> Gaussians:
    """The model out of a page that this wrote. Raises :class:`BadModelFileError`."""
    try:
        page = path.read_bytes()
    except OSError as error:
        raise BadModelFileError(path.name, f"the file cannot be opened ({error.strerror})") from error
    start = page.find(_MODEL_MARK)
    end = page.find(_END_MARK, start)
    if start < 0 or end < 0 or not page.endswith(_LAST_WORDS):
        raise BadModelFileError(path.name, "it is no page with a model, or it ends early")
    try:
        packed = base64.b64decode(memoryview(page)[start + len(_MODEL_MARK) : end], validate=True)
    except binascii.Error as error:
        raise BadModelFileError(path.name, "its model is damaged") from error
    return spz.read_from(io.BytesIO(packed), len(packed), path.name)


FORMAT = Format(
    name="html",
    extension=".html",
    mime="text/html",
    description="One page with the model and its viewer, for any browser, offline; slightly lossy.",
    write=write,
    read=read,
    up_axis="y",
    opens_in=("Firefox", "Chrome", "Edge", "Safari 16.4 and newer"),
    optimizations=frozenset({"prune", "lower_sh"}),
)

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
from jaxtyping import Float32, Float64
from numpy import ndarray

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
    """Where the page looks at first: the middle of what is fine and solid, from so far that most of it is in view.

    Background and floaters are coarse, and a subject that was photographed from all sides is fine: so each Gaussian
    counts by its opacity over its size, and quantiles, not bounds, give the extent.
    """
    log_size = gaussians.log_scales.mean(axis=1)
    fineness = np.exp(np.clip(np.median(log_size) - log_size, -10, 3))
    weights = (sigmoid(gaussians.opacity_logits) * fineness).astype(np.float64) + 1e-12
    middle = np.array([_quantile(gaussians.means[:, axis], weights, 0.5) for axis in range(3)])
    away = np.linalg.norm(gaussians.means - middle, axis=1).astype(np.float32)
    radius = max(_quantile(away, weights, 0.8), float(np.exp(np.median(log_size))), 1e-3)
    distance = 1.15 * radius / np.sin(_HALF_FIELD_OF_VIEW)
    return {"target": middle.tolist(), "distance": float(distance), "yaw": 0.0, "pitch": _START_PITCH}


def _quantile(values: Float32[ndarray, " n"], weights: Float64[ndarray, " n"], share: float) -> float:
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order][min(np.searchsorted(below, share * below[-1]), len(values) - 1)])


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

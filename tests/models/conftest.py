"""A hub of our own, a model on it, and nothing of the user's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.models.hub_server import COMMIT, HubServer, serve_hub

from maquette.models.registry import HubSource, ModelEntry, UrlSource

WEIGHTS = np.random.default_rng(0).bytes(300_000)
CODE = b"print('hello')\n"


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The hub's client looks into the user's cache of downloads before it asks a server."""
    from huggingface_hub import constants

    kept = constants.HF_HUB_CACHE
    constants.HF_HUB_CACHE = str(tmp_path_factory.mktemp("hub-cache"))
    kept_token = os.environ.pop("HF_TOKEN", None)
    yield
    constants.HF_HUB_CACHE = kept
    if kept_token is not None:
        os.environ["HF_TOKEN"] = kept_token


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with serve_hub() as server:
        server.files = {
            "model_index.json": b'{"_class_name": "X"}',
            "unet/weights.safetensors": WEIGHTS,
            "pipeline.py": CODE,
            "unet/weights.bin": b"not wanted",
        }
        server.plain = {"extra.onnx": b"o" * 50_000}
        yield server


@pytest.fixture
def entry(hub: HubServer) -> ModelEntry:
    return make_entry(hub)


def make_entry(hub: HubServer, **changes: object) -> ModelEntry:
    """A model of three files on the hub, and one at an ordinary address."""
    told: dict[str, object] = {
        "name": "sdxl",
        "purpose": "a test",
        "kind": "diffusers",
        "licence": "MIT",
        "licence_url": "",
        "commercial": True,
        "bytes": 350_000,
        "revision": COMMIT,
        "sources": (
            HubSource("acme/model", COMMIT, ("*.json", "*.safetensors", "*.py")),
            UrlSource(f"{hub.address}/plain/extra.onnx", "extra.onnx"),
        ),
    }
    return ModelEntry(**(told | changes))  # type: ignore[arg-type]


def everything(folder: Path) -> dict[str, bytes]:
    """The files below, by path, without the manifest."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "maquette.json"
    }

"""Files of repositories on the Hugging Face hub, through its own client: mirrors, tokens and its cache are its work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from maquette.models.errors import SourceRefusesError, SourceUnreachableError
from maquette.models.registry import HubSource


@dataclass(frozen=True)
class HubFile:
    """One file and what the hub says of it: the sha256 of large ones, git's name of the content of small ones."""

    path: str
    bytes: int
    sha256: str | None
    git_blob: str | None


def list_files(source: HubSource, name: str, endpoint: str | None, timeout_s: float) -> list[HubFile]:
    """The files of the pinned revision that the source includes. One request, answered within ``timeout_s`` or not.

    Raises :class:`SourceUnreachableError` and :class:`SourceRefusesError`.
    """
    from huggingface_hub import HfApi

    with _named(source, name, endpoint):
        info = HfApi(endpoint=endpoint).model_info(
            source.repository, revision=source.revision, files_metadata=True, timeout=timeout_s
        )
    if info.sha != source.revision:
        raise SourceRefusesError(name, _server(endpoint), f"it has no revision {source.revision}")
    files = [
        HubFile(
            path=file.rfilename,
            bytes=file.size or 0,
            sha256=file.lfs.sha256 if file.lfs else None,
            git_blob=None if file.lfs else file.blob_id,
        )
        for file in info.siblings or []
        if any(fnmatchcase(file.rfilename, pattern) for pattern in source.include)
    ]
    for file in files:
        # Our folder ends at its edge, whoever runs the server or mirror.
        if PurePosixPath(file.path).is_absolute() or ".." in PurePosixPath(file.path).parts:
            raise SourceRefusesError(name, _server(endpoint), f"its file {file.path!r} would lie outside the model")
    for pattern in source.include:
        if not any(fnmatchcase(file.path, pattern) for file in files):
            raise SourceRefusesError(name, _server(endpoint), f"its repository holds no {pattern}")
    return files


def fetch(
    source: HubSource,
    path: str,
    folder: Path,
    name: str,
    heard: Callable[[int], None],
    endpoint: str | None,
    timeout_s: float,
) -> None:
    """Bring one file to ``folder/path``, going on where an earlier call stopped; ``heard`` as in ``download``."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    with _named(source, name, endpoint):
        # Asked once beforehand: the download itself would ask a silent server six times for a minute each.
        url = hf_hub_url(source.repository, path, revision=source.revision, endpoint=endpoint)
        get_hf_file_metadata(url, timeout=timeout_s, endpoint=endpoint)
        hf_hub_download(
            source.repository,
            path,
            revision=source.revision,
            local_dir=folder,
            endpoint=endpoint,
            etag_timeout=timeout_s,
            tqdm_class=_listener(heard),
        )


def _listener(heard: Callable[[int], None]) -> type[Any]:
    """A class that the client takes for its progress bar; it draws nothing and passes the count on."""
    from tqdm.auto import tqdm

    class Listener(tqdm):  # type: ignore[type-arg,misc,unused-ignore]
        def __init__(self, *args: Any, **options: Any) -> None:
            self.bytes_there = int(options.get("initial") or 0)
            super().__init__(*args, **(options | {"disable": True}))
            heard(self.bytes_there)

        def update(self, n: float | None = 1) -> None:
            self.bytes_there += int(n or 0)
            heard(self.bytes_there)

    return Listener


@contextmanager
def _named(source: HubSource, name: str, endpoint: str | None) -> Iterator[None]:
    """The client's many errors as two of ours."""
    import httpx2
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    server = _server(endpoint)
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise SourceUnreachableError(name, server, "HF_HUB_OFFLINE is set") from error
    except GatedRepoError as error:
        raise SourceRefusesError(name, server, f"the terms of {source.repository} were not accepted") from error
    except RevisionNotFoundError as error:
        raise SourceRefusesError(name, server, f"it has no revision {source.revision}") from error
    except RepositoryNotFoundError as error:
        raise SourceRefusesError(name, server, f"it has no repository {source.repository}") from error
    except HfHubHTTPError as error:
        raise SourceRefusesError(name, server, f"it answers {error.response.status_code}") from error
    except LocalEntryNotFoundError as error:
        raise SourceUnreachableError(name, server, "the connection broke") from error
    except httpx2.TimeoutException as error:
        raise SourceUnreachableError(name, server, "no answer in time") from error
    except httpx2.HTTPError as error:
        raise SourceUnreachableError(name, server, type(error).__name__) from error


def _server(endpoint: str | None) -> str:
    from huggingface_hub import constants

    return urlsplit(endpoint or constants.ENDPOINT).hostname or "the hub"

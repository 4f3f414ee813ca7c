"""The two clients: the same operations, carried out by blocking calls or by awaiting."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

import httpx

from maquette import __version__
from maquette.client import operations
from maquette.client.answers import Event, Export, Model, Project, Run, Upload
from maquette.client.errors import ServerSilentError, error_of
from maquette.client.exchange import Asked, Flow, Pause, Progress, Save, Send, arguments, silent
from maquette.client.resumable import Memory
from maquette.recon.atomic import replacing

T = TypeVar("T")

SERVER = "http://127.0.0.1:8400"
TIMEOUT_S = 60.0
"""Of connecting, and of silence while sending or reading."""
EVENTS_EVERY_S = 1.0


def _settings(server: str, key: str | None, timeout_s: float) -> dict[str, Any]:
    headers = {"User-Agent": f"maquette-client/{__version__}", **({"X-API-Key": key} if key else {})}
    return {"base_url": f"{server.rstrip('/')}/api/v1", "headers": headers, "timeout": timeout_s}


def _for_ours(send: Send) -> bool:
    """Whether a request goes to the API itself. Signed addresses and storage never get our key."""
    return not send.url.startswith(("http://", "https://"))


class Client:
    """A Maquette server, by blocking calls; use it as a context manager.

    ``key``: a machine key (``maquette keys create``) or a Supabase user's access token as ``token``. Calls are repeated
    for two minutes where the line or the server fails. Methods raise :class:`maquette.client.ApiError` with the
    server's ``code``, ``message`` and ``suggestion``, :class:`maquette.client.ServerSilentError`, and for runs that do
    not end well :class:`maquette.client.RunFailedError`.
    """

    def __init__(
        self,
        server: str = SERVER,
        *,
        key: str | None = None,
        token: str | None = None,
        timeout_s: float = TIMEOUT_S,
        memory: Path | None = None,
    ) -> None:
        """``memory``: the folder in which uploads that were broken off are remembered; None: the user's cache."""
        self._http = httpx.Client(**_settings(server, key, timeout_s))
        if token:
            self._http.headers["Authorization"] = f"Bearer {token}"
        # Signed addresses and storage get none of our credentials.
        self._bare = httpx.Client(timeout=timeout_s, follow_redirects=True)
        self._memory = Memory(memory) if memory else Memory.usual()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()
        self._bare.close()

    def create_project(self, name: str) -> Project:
        """An empty project."""
        return self._run(operations.create_project(name))

    def project(self, project_id: UUID) -> Project:
        """One project."""
        return self._run(operations.read_project(project_id))

    def projects(self) -> list[Project]:
        """All of yours, newest first."""
        return self._run(operations.list_projects())

    def rename_project(self, project_id: UUID, name: str) -> Project:
        """Give it another name."""
        return self._run(operations.rename_project(project_id, name))

    def delete_project(self, project_id: UUID) -> None:
        """With all that belongs to it."""
        self._run(operations.delete_project(project_id))

    def upload(
        self,
        *paths: Path | str,
        project_id: UUID | None = None,
        name: str | None = None,
        besides: Path | None = None,
        progress: Progress = silent,
        **options: Any,
    ) -> Upload:
        """Photos, videos, ZIPs or folders of them; without ``project_id`` into a new project called ``name``.

        Large files go in parts: the same call goes on where one was broken off. ``besides``: a folder within those
        given that is left out. ``options``: ``preset``, ``frames``,
        ``remove_bg``, ``original_resolution``.
        """
        given = [Path(path) for path in paths]
        return self._run(operations.upload(given, project_id, name, options, progress, self._memory, besides))

    def generate(self, project_id: UUID, *, fresh: bool = False, **parameters: Any) -> Run:
        """Ask for cameras, views, depth and a first model; parameters as in ``/docs``. Follow it with :meth:`wait`."""
        return self._run(operations.start("generate", project_id, parameters, fresh=fresh))

    def refine(self, project_id: UUID, *, fresh: bool = False, **parameters: Any) -> Run:
        """Ask for further rounds."""
        return self._run(operations.start("refine", project_id, parameters, fresh=fresh))

    def export(self, project_id: UUID, *, progress: Progress = silent, **parameters: Any) -> Export:
        """Make a file (``format``, ``version``, ``optimize``, …) and answer where it is."""
        return self._run(operations.export(project_id, parameters, progress))

    def download(self, export: Export, path: Path | str | None = None, *, progress: Progress = silent) -> Path:
        """Fetch an export into a file or folder; it is there whole or not at all."""
        return self._run(operations.save_export(export, Path(path) if path is not None else None, progress))

    def run(self, run_id: UUID) -> Run:
        """One run as it is now."""
        return self._run(operations.read_run(run_id))

    def wait(self, run: Run | UUID, *, progress: Progress = silent) -> Run:
        """Until it has ended; ``progress`` is told stage, share and words."""
        return self._run(operations.wait(run.id if isinstance(run, Run) else run, progress))

    def cancel(self, run_id: UUID) -> Run:
        """Stop it; what it has finished stays."""
        return self._run(operations.cancel(run_id))

    def retry(self, run_id: UUID) -> Run:
        """Try a failed or cancelled run again; it goes on from what was kept."""
        return self._run(operations.retry(run_id))

    def models(self, project_id: UUID) -> list[Model]:
        """All versions."""
        return self._run(operations.list_models(project_id))

    def records(self, project_id: UUID, kind: str) -> list[dict[str, Any]]:
        """All rows of a kind: ``images``, ``views``, ``depth-maps``, ``metrics``, ``exports``, ``runs`` and so on."""
        return self._run(operations.list_records(project_id, kind))

    def fetch(self, url: str, path: Path | str, *, progress: Progress = silent) -> Path:
        """Save what lies at a signed address of the server's answers."""
        return self._run(operations.fetch(url, Path(path), progress))

    def status(self, project_id: UUID) -> dict[str, Any]:
        """Project, progress, current run with ETA and place in line."""
        return self._run(operations.read_status(project_id))

    def events(self, project_id: UUID, after: int = 0) -> Iterator[Event]:
        """Everything that happened after event number ``after``, then what happens, for ever. None is left out."""
        while True:
            for event in self._run(operations.read_events(project_id, after)):
                after = event.seq
                yield event
            time.sleep(EVENTS_EVERY_S)

    def _run(self, flow: Flow[T]) -> T:
        try:
            asked = next(flow)
            while True:
                try:
                    done = self._do(asked)
                except Exception as error:
                    asked = flow.throw(error)
                else:
                    asked = flow.send(done)
        except StopIteration as end:
            result: T = end.value
            return result

    def _do(self, asked: Asked) -> httpx.Response | None:
        match asked:
            case Send():
                line = self._http if _for_ours(asked) else self._bare
                with arguments(asked) as given:
                    return line.request(asked.method, asked.url, **given)
            case Pause(seconds):
                time.sleep(seconds)
            case Save(url, path, progress):
                try:
                    with self._bare.stream("GET", url) as answer, replacing(path) as file:
                        if answer.is_error:
                            answer.read()
                            raise error_of(answer)
                        total, done = int(answer.headers.get("content-length", 0)), 0
                        for chunk in answer.iter_bytes():
                            done += file.write(chunk)
                            progress("download", done / total if total else 0.0, f"{done / 1e6:.1f} MB")
                except httpx.TransportError as broken:
                    raise ServerSilentError.of(broken) from None
        return None


class AsyncClient:
    """The same by awaiting; see :class:`Client`."""

    def __init__(
        self,
        server: str = SERVER,
        *,
        key: str | None = None,
        token: str | None = None,
        timeout_s: float = TIMEOUT_S,
        memory: Path | None = None,
    ) -> None:
        """``memory``: the folder in which uploads that were broken off are remembered; None: the user's cache."""
        self._http = httpx.AsyncClient(**_settings(server, key, timeout_s))
        if token:
            self._http.headers["Authorization"] = f"Bearer {token}"
        self._bare = httpx.AsyncClient(timeout=timeout_s, follow_redirects=True)
        self._memory = Memory(memory) if memory else Memory.usual()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()
        await self._bare.aclose()

    async def create_project(self, name: str) -> Project:
        """An empty project."""
        return await self._run(operations.create_project(name))

    async def project(self, project_id: UUID) -> Project:
        """One project."""
        return await self._run(operations.read_project(project_id))

    async def projects(self) -> list[Project]:
        """All of yours, newest first."""
        return await self._run(operations.list_projects())

    async def rename_project(self, project_id: UUID, name: str) -> Project:
        """Give it another name."""
        return await self._run(operations.rename_project(project_id, name))

    async def delete_project(self, project_id: UUID) -> None:
        """With all that belongs to it."""
        await self._run(operations.delete_project(project_id))

    async def upload(
        self,
        *paths: Path | str,
        project_id: UUID | None = None,
        name: str | None = None,
        besides: Path | None = None,
        progress: Progress = silent,
        **options: Any,
    ) -> Upload:
        """As :meth:`Client.upload`."""
        given = [Path(path) for path in paths]
        return await self._run(operations.upload(given, project_id, name, options, progress, self._memory, besides))

    async def generate(self, project_id: UUID, *, fresh: bool = False, **parameters: Any) -> Run:
        """Ask for cameras, views, depth and a first model."""
        return await self._run(operations.start("generate", project_id, parameters, fresh=fresh))

    async def refine(self, project_id: UUID, *, fresh: bool = False, **parameters: Any) -> Run:
        """Ask for further rounds."""
        return await self._run(operations.start("refine", project_id, parameters, fresh=fresh))

    async def export(self, project_id: UUID, *, progress: Progress = silent, **parameters: Any) -> Export:
        """Make a file and answer where it is."""
        return await self._run(operations.export(project_id, parameters, progress))

    async def download(self, export: Export, path: Path | str | None = None, *, progress: Progress = silent) -> Path:
        """Fetch an export into a file or folder."""
        return await self._run(operations.save_export(export, Path(path) if path is not None else None, progress))

    async def run(self, run_id: UUID) -> Run:
        """One run as it is now."""
        return await self._run(operations.read_run(run_id))

    async def wait(self, run: Run | UUID, *, progress: Progress = silent) -> Run:
        """Until it has ended."""
        return await self._run(operations.wait(run.id if isinstance(run, Run) else run, progress))

    async def cancel(self, run_id: UUID) -> Run:
        """Stop it; what it has finished stays."""
        return await self._run(operations.cancel(run_id))

    async def retry(self, run_id: UUID) -> Run:
        """Try a failed or cancelled run again."""
        return await self._run(operations.retry(run_id))

    async def models(self, project_id: UUID) -> list[Model]:
        """All versions."""
        return await self._run(operations.list_models(project_id))

    async def records(self, project_id: UUID, kind: str) -> list[dict[str, Any]]:
        """All rows of a kind: ``images``, ``views``, ``depth-maps``, ``metrics``, ``exports``, ``runs`` and so on."""
        return await self._run(operations.list_records(project_id, kind))

    async def fetch(self, url: str, path: Path | str, *, progress: Progress = silent) -> Path:
        """Save what lies at a signed address of the server's answers."""
        return await self._run(operations.fetch(url, Path(path), progress))

    async def status(self, project_id: UUID) -> dict[str, Any]:
        """Project, progress, current run with ETA and place in line."""
        return await self._run(operations.read_status(project_id))

    async def events(self, project_id: UUID, after: int = 0) -> AsyncIterator[Event]:
        """Everything that happened after event number ``after``, then what happens, for ever."""
        while True:
            for event in await self._run(operations.read_events(project_id, after)):
                after = event.seq
                yield event
            await asyncio.sleep(EVENTS_EVERY_S)

    async def _run(self, flow: Flow[T]) -> T:
        try:
            asked = next(flow)
            while True:
                try:
                    done = await self._do(asked)
                except Exception as error:
                    asked = flow.throw(error)
                else:
                    asked = flow.send(done)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _do(self, asked: Asked) -> httpx.Response | None:
        match asked:
            case Send():
                line = self._http if _for_ours(asked) else self._bare
                with arguments(asked) as given:
                    return await line.request(asked.method, asked.url, **given)
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Save(url, path, progress):
                try:
                    async with self._bare.stream("GET", url) as answer:
                        if answer.is_error:
                            await answer.aread()
                            raise error_of(answer)
                        total, done = int(answer.headers.get("content-length", 0)), 0
                        with replacing(path) as file:
                            async for chunk in answer.aiter_bytes():
                                done += file.write(chunk)
                                progress("download", done / total if total else 0.0, f"{done / 1e6:.1f} MB")
                except httpx.TransportError as broken:
                    raise ServerSilentError.of(broken) from None
        return None


def from_environment(server: str | None = None) -> Client:
    """By ``MAQUETTE_SERVER`` and ``MAQUETTE_API_KEY``: a key on a command line could be read by others."""
    return Client(server or os.environ.get("MAQUETTE_SERVER") or SERVER, key=os.environ.get("MAQUETTE_API_KEY") or None)

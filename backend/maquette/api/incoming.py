"""Takes a multipart upload to disk as it arrives, in bounded memory, refusing whatever goes over a limit at once."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from maquette.api.capacity import Room
from maquette.disk import MB
from maquette.errors import BadInputError, MaquetteError, TooLargeError, UnavailableError
from maquette.steps.limits import TooManyPhotosError, too_many_photos
from maquette.steps.parameters import UploadParameters

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FILE_FIELDS: dict[str, Literal["file", "views", "depth_renders"]] = {
    **dict.fromkeys(("file", "files", "file[]", "files[]", "video"), "file"),
    **dict.fromkeys(("views", "views[]"), "views"),
    **dict.fromkeys(("depth_renders", "depth_renders[]"), "depth_renders"),
}
"""What each field's files are taken for; what kind of file it is, its content says."""
STAGED_FIELDS = frozenset({"incoming", "incoming[]"})
"""Each names a file that has come to storage already, by resumable upload."""
TEXT_FIELDS = frozenset({"project_id", *UploadParameters.model_fields})
MAX_TEXT_BYTES = 1000
MAX_PARTS_BESIDE_FILES = 20
FORM_BYTES = 1_000_000
"""What the form itself may take beside its files: boundaries, headers, text fields."""
LOOK_AT_DISK_EVERY = 64 * MB
STALLED_S = 120.0
"""A client that lost its network says nothing any more: after so long its upload is given up."""
DRAIN_BYTES, DRAIN_S = 64 * 1024 * 1024, 10.0


class NotMultipartError(BadInputError):
    """The request carries no form."""

    code = "not_multipart"


class MalformedUploadError(BadInputError):
    """The form breaks off or cannot be read."""

    code = "malformed_upload"


class UnknownFieldError(BadInputError):
    """The form has a field that upload does not know."""

    code = "unknown_field"


class FileTooLargeError(TooLargeError):
    """One file is over the limit."""

    code = "file_too_large"


class UploadTooLargeError(TooLargeError):
    """The files are over the limit in all."""

    code = "upload_too_large"


class UploadStalledError(MaquetteError):
    """Nothing more came."""

    code = "upload_stalled"
    status = 408


class TooManyPartsError(BadInputError):
    """More parts than any form of ours has."""

    code = "too_many_parts"


class DiskFullError(UnavailableError):
    """There is no room for the upload."""

    code = "disk_full"
    retry_after_s = 300


@dataclass(frozen=True)
class FormLimits:
    """What one upload may hold; ``room``: what there is space for. ``files``: photos, and as many masks again.

    ``staged``: whether files may also be named that have come to storage already.
    """

    files: int
    file_mb: int
    upload_mb: int
    room: Room
    staged: bool = False

    def check(self, size: int) -> None:
        """Refuse a body of so many bytes, sent or announced."""
        if size > self.upload_mb * MB + FORM_BYTES:
            raise self.too_large()
        self.room.check(size - FORM_BYTES)

    def check_file(self, filename: str, size: int) -> None:
        """Refuse a single file of so many bytes."""
        if size > self.file_mb * MB:
            raise FileTooLargeError(
                f"'{filename}' is larger than {self.file_mb} MB.",
                suggestion="Save photos as JPEG, 1600 px on the long side are enough, and cut videos shorter.",
                file=filename,
                max_mb=self.file_mb,
            )

    def too_large(self) -> UploadTooLargeError:
        """The files are too many bytes in all."""
        return UploadTooLargeError(
            f"The photos are larger than {self.upload_mb} MB in all.",
            suggestion=f"Send them in several uploads to the same project_id; each file may have {self.file_mb} MB.",
            max_mb=self.upload_mb,
        )


@dataclass
class Received:
    """The form: text fields by name, and the files in order of arrival (they lie in the folder as 0000, 0001, …)."""

    fields: dict[str, str] = field(default_factory=dict)
    filenames: list[str] = field(default_factory=list)
    kinds: list[Literal["file", "views", "depth_renders"]] = field(default_factory=list)
    """What the field of each file takes it for."""
    size: int = 0
    """Bytes of all files that came with the form."""
    staged: dict[int, str] = field(default_factory=dict)
    """What the form calls files that lie in storage, by their place among the others, where they have no name yet."""

    def entries(self) -> list[dict[str, str]]:
        """What ``incoming.json`` tells the upload step."""
        return [
            {"file": f"{index:04d}", "filename": name, "field": kind}
            for index, (name, kind) in enumerate(zip(self.filenames, self.kinds, strict=True))
        ]


async def receive(request: Request, folder: Path, limits: FormLimits) -> Received:
    """Write the request's files to ``folder``. Errors say which limit or which part of the form is at fault.

    One chunk of the body is in memory at a time. A body that announces more than may come is not read at all.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise NotMultipartError(
            "The request is no multipart form.",
            suggestion="Send the photos as multipart/form-data, for example curl -F file=@a.jpg -F file=@b.jpg.",
        )
    parts = _Parts(folder, limits)
    stream = request.stream()
    try:
        announced = request.headers.get("content-length", "")
        limits.check(int(announced) if announced.isdecimal() else 0)
        await asyncio.to_thread(limits.room.check_disk)
        await _read(stream, MultipartParser(boundary, parts.callbacks()), limits)
        if not parts.complete:
            raise _malformed("it ends before its last part does")
    except (MaquetteError, OSError, MultipartParseError) as error:
        # A client that asks before it sends is told at once, and from one that fell silent nothing comes.
        asked = request.headers.get("expect", "").lower() == "100-continue" and not parts.begun
        if not asked and not isinstance(error, UploadStalledError):
            await _drain(stream)
        if isinstance(error, MultipartParseError):
            raise _malformed("its parts cannot be told apart") from error
        with telling_full_disk():
            raise
    finally:
        parts.close()
    return parts.received


@contextlib.contextmanager
def telling_full_disk() -> Iterator[None]:
    """``disk_full`` in place of what the system says when nothing more can be written."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise DiskFullError(
            "The server's disk is full, so the photos could not be taken in.",
            suggestion="Free space on the server's disk, then send them again.",
        ) from error


async def _read(stream: AsyncIterator[bytes], parser: MultipartParser, limits: FormLimits) -> None:
    size = looked = 0
    while (chunk := await _next(stream)) is not None:
        if not chunk:
            continue
        size += len(chunk)
        # Whatever follows the form's end, or stands between its files, is no way round the limit.
        limits.check(size)
        if size - looked >= LOOK_AT_DISK_EVERY:
            looked = size
            await asyncio.to_thread(limits.room.check_disk)
        await asyncio.to_thread(_feed, parser, chunk)
    parser.finalize()


async def _next(stream: AsyncIterator[bytes]) -> bytes | None:
    try:
        async with asyncio.timeout(STALLED_S):
            return await anext(stream, None)
    except TimeoutError:
        raise UploadStalledError(
            f"The upload stopped half way: nothing came for {STALLED_S:.0f} seconds.",
            suggestion="Check the network, then send the photos again.",
        ) from None


def _feed(parser: MultipartParser, chunk: bytes) -> None:
    parser.write(chunk)


async def _drain(stream: AsyncIterator[bytes]) -> None:
    """Read on for a while: a client that is still sending would otherwise see a broken line, not the answer."""
    left = DRAIN_BYTES
    with contextlib.suppress(TimeoutError):
        # Also of one that announced much and sends nothing, and waits for the answer that waits for it.
        async with asyncio.timeout(DRAIN_S):
            async for chunk in stream:
                left -= len(chunk)
                if left < 0:
                    return


class _Parts:
    """Listens to the parser and holds the open file. The names that users give are never part of a path."""

    def __init__(self, folder: Path, limits: FormLimits) -> None:
        self.received = Received()
        self.complete = False
        self._folder, self._limits = folder, limits
        self._headers: dict[bytes, bytes] = {}
        self._header_name, self._header_value = b"", b""
        self._name = ""
        self._text = bytearray()
        self._file: IO[bytes] | None = None
        self._filename = ""
        self._file_bytes = self._parts = 0

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._take_header_name,
            "on_header_value": self._take_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._open,
            "on_part_data": self._take,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    @property
    def begun(self) -> bool:
        """Whether anything of the form has been seen."""
        return self._parts > 0

    def close(self) -> None:
        """Let go of a file that was not finished; a full disk, which said so already, has no more to say."""
        if self._file is not None:
            file, self._file = self._file, None
            with contextlib.suppress(OSError):
                file.close()

    def _begin(self) -> None:
        self._parts += 1
        most = self._limits.files + MAX_PARTS_BESIDE_FILES
        if self._parts > most:
            raise TooManyPartsError(
                f"The form has more than {most} parts.",
                suggestion=f"Send at most {self._limits.files} files and each text field once.",
                max_parts=most,
            )
        self._headers, self._text, self._file_bytes = {}, bytearray(), 0

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name, self._header_value = b"", b""

    def _open(self) -> None:
        disposition, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if disposition != b"form-data" or b"name" not in options:
            raise _malformed("a part has no name")
        self._name = options[b"name"].decode("utf-8", "replace")
        raw = options.get(b"filename")
        texts = TEXT_FIELDS | STAGED_FIELDS if self._limits.staged else TEXT_FIELDS
        if raw is None and (self._name in texts or self._name in FILE_FIELDS):
            return
        if self._name in FILE_FIELDS and raw is not None:
            self._filename = plain_name(raw.decode("utf-8", "replace"))
            self._check_count()
            self._file = (self._folder / f"{len(self.received.filenames):04d}").open("wb")
            return
        shown = "".join(c for c in self._name if c.isprintable())[:60]
        raise UnknownFieldError(
            f"The form has a {'text' if raw is None else 'file'} field '{shown}', which upload does not take.",
            suggestion="Send photos, a video or a ZIP as `file` or `files`, six views as `views` and `depth_renders`;"
            f" text fields are {', '.join(sorted(texts))}.",
            field=shown,
        )

    def _take(self, data: bytes, start: int, end: int) -> None:
        size = end - start
        if self._file is None:
            if len(self._text) + size > MAX_TEXT_BYTES:
                raise _text_for_file(self._name)
            self._text += data[start:end]
            return
        self._file_bytes += size
        self.received.size += size
        self._limits.check_file(self._filename, self._file_bytes)
        if self.received.size > self._limits.upload_mb * MB:
            raise self._limits.too_large()
        self._file.write(data[start:end])

    def _end(self) -> None:
        if self._file is None:
            text = self._text.decode("utf-8", "replace").strip()
            if self._name in TEXT_FIELDS:
                self.received.fields[self._name] = text
            elif self._name in STAGED_FIELDS and text:
                self._check_count()
                self.received.staged[len(self.received.filenames)] = text
                self.received.filenames.append("")
                self.received.kinds.append("file")
            elif text:
                raise _text_for_file(self._name)
            return
        file, self._file = self._file, None
        file.close()  # which writes the last of it, where the disk lets it
        # A browser sends an empty part without a name for a file input that nobody filled in.
        if self._filename or self._file_bytes:
            self.received.filenames.append(self._filename or f"photo {len(self.received.filenames) + 1}")
            self.received.kinds.append(FILE_FIELDS[self._name])

    def _finish(self) -> None:
        self.complete = True

    def _check_count(self) -> None:
        if len(self.received.filenames) < self._limits.files:
            return
        if self._limits.files == 1:
            raise TooManyPhotosError(
                "One photo takes the place of one photo.", suggestion="Send a single `file`.", max_photos=1
            )
        raise too_many_photos(self._limits.files, 0)


def plain_name(filename: str) -> str:
    """A file's name for people to recognise it by: no folders, no control characters, at most 200 characters."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable()).strip()[-200:]


def _text_for_file(name: str) -> MalformedUploadError:
    return MalformedUploadError(
        f"The field '{name}' holds {'text where a file is needed' if name in FILE_FIELDS else 'too much text'}.",
        suggestion="Send photos as files: curl -F file=@photo.jpg, with the @.",
        field=name,
    )


def _malformed(why: str) -> MalformedUploadError:
    return MalformedUploadError(
        f"The form cannot be read: {why}.",
        suggestion="Send it again; if a script builds it, let its HTTP library write the multipart body.",
    )

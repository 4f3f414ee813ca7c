"""Photos sent while faults happen; what the server acknowledged is remembered, and must be there for ever."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from uuid import uuid4

from tests.execution.house import noise_jpeg
from tests.faults.server import PATIENCE_S, Server


@dataclass
class Sent:
    """A photo that the server said it has."""

    project_id: str
    run_id: str
    data: bytes


@dataclass
class Uploads:
    """``send`` repeats a call with one key until it is answered, as a client does whose line broke."""

    server: Server
    acknowledged: list[Sent] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _count: int = 0

    def send(self, photos: list[bytes], project_id: str | None = None) -> str:
        """Send photos; answers the project's id."""
        answer = self.server.post(
            "/upload",
            key=uuid4().hex,
            files=[("files", (f"photo_{n}.jpg", data, "image/jpeg")) for n, data in enumerate(photos)],
            data={"project_id": project_id} if project_id else {},
        )
        if not answer.is_success:
            self.refused.append(answer.text)
            raise AssertionError(f"an upload was refused: {answer.text}")
        told = answer.json()
        for data in photos:
            self.acknowledged.append(Sent(told["project_id"], told["run_id"], data))
        return str(told["project_id"])

    def send_meanwhile(self) -> None:
        """Begin an upload of a photo nobody sent before, and go on."""
        self._count += 1
        photo = noise_jpeg(self._count)
        thread = threading.Thread(target=self.send, args=([photo],), daemon=True)
        thread.start()
        self._threads.append(thread)

    def wait(self) -> None:
        """Until all that were begun are answered."""
        for thread in self._threads:
            thread.join(2 * PATIENCE_S)
            assert not thread.is_alive(), "an upload was never answered"
        self._threads.clear()
        assert not self.refused, self.refused

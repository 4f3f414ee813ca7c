"""A clock that tests can set: a library loaded before all others that adds an offset to the time of day."""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Only the time of day moves: time that is measured (CLOCK_MONOTONIC) goes on, as when an administrator or NTP sets
# a clock. The offset is mapped from a file, so that it jumps in a running process.
SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile long *offset_s;

__attribute__((constructor)) static void map_offset(void) {
    const char *path = getenv("FAULTS_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) offset_s = mapped;
    close(file);
}

int clock_gettime(clockid_t which, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, which, now);
    if (!failed && offset_s && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) now->tv_sec += *offset_s;
    return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *also) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (also) *also = exact.tv_sec;
    return exact.tv_sec;
}
"""


@dataclass(frozen=True)
class Clock:
    """The clock of the processes that were started with its environment."""

    library: Path
    file: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self.library), "FAULTS_CLOCK": str(self.file)}

    def set_forward(self, seconds: int) -> None:
        """Let it be so much later than it is; 0 is the true time again."""
        with self.file.open("r+b") as file:
            file.write(struct.pack("l", seconds))

    @property
    def offset_s(self) -> int:
        return int(struct.unpack("l", self.file.read_bytes())[0])


def make_clocks(folder: Path, *names: str) -> dict[str, Clock]:
    """Clocks that can be set each by itself; none where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return {}
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(SOURCE)
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
    clocks = {}
    for name in names:
        clocks[name] = Clock(library, folder / f"clock-{name}")
        clocks[name].file.write_bytes(struct.pack("l", 0))
        # Postgres runs as another user where root runs the tests.
        clocks[name].file.chmod(0o644)
    library.chmod(0o755)
    return clocks

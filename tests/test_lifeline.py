"""A child ends with its parent, and does not take a parent that is process 1 of a container for a lost one."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHILD = """
import time
from maquette.lifeline import die_with_parent
die_with_parent({})
print("lives", flush=True)
time.sleep(60)
"""
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, text=True)
print(child.stdout.readline().strip() or f"died of {child.wait()}", child.pid, flush=True)
if sys.argv[2] == "wait":
    sys.stdin.read()
"""


def own_processes():
    """A command whose child is process 1 of a namespace of its own, as in a container; None where that is forbidden."""
    command = [
        "unshare",
        *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]),
        "--pid",
        "--fork",
        "--mount-proc",
    ]
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], capture_output=True).returncode:
        return None
    return command


@pytest.mark.parametrize("number", ["", "__import__('signal').SIGTERM"])
def test_a_parent_that_is_the_first_process_of_a_container_is_no_lost_one(number):
    namespace = own_processes()
    if namespace is None:
        pytest.skip("this machine lets nobody make a process namespace")
    said = subprocess.run(
        [*namespace, sys.executable, "-c", PARENT, CHILD.format(number), "leave"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.stdout.startswith("lives"), said


def test_a_child_ends_with_its_parent():
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD.format(""), "wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    word, child = parent.stdout.readline().split()
    assert word == "lives"
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + 30
    while alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False

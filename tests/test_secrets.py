"""No secret is in a tracked file, and none is told by a server's log or its answers."""

from __future__ import annotations

import base64
import json
import logging
import re
import subprocess
from pathlib import Path

import pytest

from maquette.logs import JsonLines, TextLines, without_secrets

ROOT = Path(__file__).parents[1]

SHAPES = {
    "JSON web token": re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}"),
    "webhook secret": re.compile(r"whsec_[A-Za-z0-9+/]{24,}={0,2}"),
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}"),
    "Supabase secret key": re.compile(r"sb_secret_[\w-]{16,}"),
    "machine key": re.compile(r"\bmqk_[\w-]{30,}"),
    "key of a cloud": re.compile(
        r"\b(?:AKIA[0-9A-Z]{16}|AIza[\w-]{35}|gh[pousr]_\w{36,}|hf_[A-Za-z0-9]{30,}|xox[bap]-\w{10,})"
    ),
    "password in an address": re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@\"'`{}<>$%]+:([^\s/@\"'`{}<>$%]{3,})@"),
}

STAND_INS = {"hush", "hidden", "hidden-word", "hush-hush-hush", "password", "secret", "word"}
"""Passwords of examples and tests."""
EXAMPLE = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The one that the specification of Standard Webhooks prints."""
TEXT_OF = 2_000_000


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("this is no checkout of git")
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def secrets_in(text: str) -> list[str]:
    """What of a text looks like a secret, without the secret itself."""
    found = []
    for name, shape in SHAPES.items():
        for match in shape.finditer(text):
            if EXAMPLE in match[0] or (match.groups() and match[1].casefold() in STAND_INS):
                continue
            found.append(f"{name}: {match[0][:14]}…")
    return found


def test_no_tracked_file_holds_one() -> None:
    told = {}
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if not path.is_file() or path.stat().st_size > TEXT_OF:
            continue
        data = path.read_bytes()
        if b"\0" in data[:8000]:
            continue
        if found := secrets_in(data.decode("utf-8", "replace")):
            told[name] = found
    assert not told


def test_no_tracked_file_is_one_by_its_name() -> None:
    kept = re.compile(
        r"(^|/)(\.env(\.(?!example$).*)?|.*\.(pem|key|p12|pfx|kdbx)|id_(rsa|ecdsa|ed25519)|.*credentials.*\.json)$"
    )
    names = [path.relative_to(ROOT).as_posix() for path in tracked()]
    assert names and not [name for name in names if kept.search(name)]


def specimens() -> dict[str, str]:
    """One of each, made here so that no file holds it."""
    token = ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=")
        for part in (b'{"alg":"HS256","typ":"JWT"}', json.dumps({"sub": "x" * 20}).encode(), b"s" * 32)
    )
    return {
        "JSON web token": token,
        "webhook secret": "whsec_" + base64.b64encode(b"k" * 32).decode(),
        "private key": "-----BEGIN " + "PRIVATE KEY-----\n" + "M" * 64,
        "Supabase secret key": "sb_secret_" + "a" * 30,
        "machine key": "mqk_" + "b" * 43,
        "key of a cloud": "AKIA" + "ABCDEFGHIJKLMNOP",
        "password in an address": "postgresql://someone:" + "v3ry-own" + "@db.example.org/x",
    }


@pytest.mark.parametrize("kind", SHAPES)
def test_the_scan_knows_each_kind(kind: str) -> None:
    assert any(one.startswith(kind) for one in secrets_in(f"before {specimens()[kind]} after"))


@pytest.mark.parametrize("kind", [kind for kind in SHAPES if kind not in ("key of a cloud",)])
@pytest.mark.parametrize("form", [TextLines(), JsonLines()], ids=["text", "json"])
def test_no_log_line_holds_one(kind: str, form: logging.Formatter) -> None:
    """Whoever wrote it, and in traces too."""
    said = specimens()[kind]
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "failed with %s", (said,), None)
    try:
        raise RuntimeError(f"could not use {said}")
    except RuntimeError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    line = form.format(record)
    assert said not in line and not secrets_in(line), line
    assert "failed with" in line


def test_a_second_pass_changes_nothing() -> None:
    for said in specimens().values():
        once = without_secrets(f"a {said} b")
        assert without_secrets(once) == once

"""Signatures are those of the standard, and nothing else passes for one."""

from __future__ import annotations

import pytest

from maquette.webhooks import signature
from maquette.webhooks.signature import BadSignatureError

# The example of the specification's own reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
ID, STAMP = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
KNOWN = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_example_comes_out() -> None:
    assert signature.headers(ID, STAMP, BODY, [SECRET]) == {
        "webhook-id": ID, "webhook-timestamp": str(STAMP), "webhook-signature": KNOWN
    }  # fmt: skip


def test_a_call_signed_by_old_and_new_secret_passes_with_either() -> None:
    other = "whsec_" + "QUJD" * 8
    given = signature.headers(ID, STAMP, BODY, [other, SECRET])
    assert signature.verify(given, BODY, SECRET, STAMP + 10) == ID
    assert signature.verify(given, BODY, other, STAMP - 10) == ID


@pytest.mark.parametrize(
    ("change", "body", "secret", "now"),
    [
        ({}, BODY + b" ", SECRET, STAMP),
        ({}, BODY, "whsec_QUJD", STAMP),
        ({}, BODY, "not base64!", STAMP),
        ({}, BODY, SECRET, STAMP + 301),
        ({}, BODY, SECRET, STAMP - 301),
        ({"webhook-id": "msg_other"}, BODY, SECRET, STAMP),
        ({"webhook-timestamp": str(STAMP + 1)}, BODY, SECRET, STAMP),
        ({"webhook-timestamp": "soon"}, BODY, SECRET, STAMP),
        ({"webhook-timestamp": "9" * 400}, BODY, SECRET, STAMP),
        ({"webhook-signature": ""}, BODY, SECRET, STAMP),
        ({"webhook-signature": KNOWN.replace("v1,", "v2,")}, BODY, SECRET, STAMP),
        ({"webhook-signature": "v1,ü"}, BODY, SECRET, STAMP),
    ],
)
def test_nothing_else_passes(change: dict[str, str], body: bytes, secret: str, now: float) -> None:
    given = {**signature.headers(ID, STAMP, BODY, [SECRET]), **change}
    with pytest.raises(BadSignatureError):
        signature.verify(given, body, secret, now)

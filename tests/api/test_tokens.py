"""Supabase's access tokens, with real keys and a real key set over HTTP; most of them refused."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm
from tests.api.supabase import JWKS_PATH, LEGACY_SECRET, LittleSupabase, public_jwk

from maquette.api.jwks import FRESH_S, LARGEST_SET, PAUSE_S, KeySet, SignInUnavailableError, read_keys
from maquette.api.tokens import LEEWAY_S, LONGEST, Bearer, TokenVerifier

USER = uuid.uuid4()


@pytest.fixture
def supabase() -> Iterator[LittleSupabase]:
    with LittleSupabase().serving() as running:
        yield running


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(supabase: LittleSupabase, clock: Clock) -> TokenVerifier:
    return verifier_of(supabase, clock, LEGACY_SECRET)


def verifier_of(supabase: LittleSupabase, clock: Callable[[], float], secret: str | None) -> TokenVerifier:
    return TokenVerifier(KeySet(supabase.url + JWKS_PATH, clock), f"{supabase.url}/auth/v1", secret)


def signed(supabase: LittleSupabase, key: Any, algorithm: str, kid: str | None, **claims: Any) -> str:
    return jwt.encode(supabase.claims(USER, **claims), key, algorithm, headers={"kid": kid} if kid else None)


async def test_good_ones(supabase: LittleSupabase, verifier: TokenVerifier) -> None:
    for _ in range(3):
        for token in (
            supabase.token(USER),
            signed(supabase, supabase.rsa_key, "RS256", "r"),
            supabase.legacy_token(USER),
        ):
            bearer = await verifier.verify(token)
            assert bearer is not None and bearer.user == USER
    assert supabase.fetched == 1, "the key set is cached"


async def test_until_when_a_token_holds(supabase: LittleSupabase, verifier: TokenVerifier) -> None:
    exp = int(time.time()) + 60
    assert await verifier.verify(supabase.token(USER, exp=exp)) == Bearer(USER, exp + LEEWAY_S)
    assert await verifier.verify(supabase.token(USER, exp=time.time() - LEEWAY_S / 2)) is not None
    assert await verifier.verify(supabase.token(USER, nbf=time.time() + LEEWAY_S / 2)) is not None


async def test_users_who_signed_in_anonymously_are_users(supabase: LittleSupabase, verifier: TokenVerifier) -> None:
    assert await verifier.verify(supabase.token(USER, is_anonymous=True)) is not None


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": time.time() - 60},
        {"exp": None},
        {"exp": float("inf")},
        {"exp": "tomorrow"},
        {"aud": "anon"},
        {"aud": ["anon"]},
        {"aud": None},
        {"iss": "https://other.supabase.co/auth/v1"},
        {"iss": "supabase"},
        {"iss": None},
        {"sub": None},
        {"sub": "no-uuid"},
        {"sub": ""},
        {"role": "service_role"},
        {"role": "anon"},
        {"role": None},
        {"nbf": time.time() + 86_400},
        {"iat": time.time() + 86_400},
    ],
)
@pytest.mark.parametrize("legacy", [False, True])
async def test_wrong_claims(
    supabase: LittleSupabase, verifier: TokenVerifier, claims: dict[str, Any], legacy: bool
) -> None:
    sign = supabase.legacy_token if legacy else supabase.token
    assert await verifier.verify(sign(USER)) is not None
    assert await verifier.verify(sign(USER, **claims)) is None


async def test_a_token_of_another_project(supabase: LittleSupabase, verifier: TokenVerifier, clock: Clock) -> None:
    with LittleSupabase().serving() as other:
        assert await verifier_of(other, clock, None).verify(other.token(USER)) is not None
        # the same key id, another key
        assert await verifier.verify(other.token(USER)) is None
        assert await verifier.verify(other.token(USER, iss=f"{supabase.url}/auth/v1")) is None


async def test_wrong_signatures(supabase: LittleSupabase, verifier: TokenVerifier) -> None:
    good = supabase.token(USER)
    header, body, signature = good.split(".")
    stranger = ec.generate_private_key(ec.SECP256R1())
    for bad in (
        signed(supabase, stranger, "ES256", "e"),
        signed(supabase, stranger, "ES256", "unknown"),
        signed(supabase, "another secret of at least 32 bytes", "HS256", None),
        signed(supabase, "another secret of at least 32 bytes", "HS256", "e"),
        jwt.encode(supabase.claims(USER), None, "none"),
        jwt.encode(supabase.claims(USER), None, "none", headers={"kid": "e"}),
        f"{header}.{body}.",
        f"{header}.{body[:-2]}.{signature}",
        f"{header}.{body}.{signature}.{signature}",
        "nonsense",
        "a.b.c",
        "..",
        "",
        "\xff\xfe",
    ):
        assert await verifier.verify(bad) is None, bad
    assert await verifier.verify(good) is not None


async def test_the_key_says_which_algorithm_not_the_token(supabase: LittleSupabase, clock: Clock) -> None:
    verifier = verifier_of(supabase, clock, None)
    assert await verifier.verify(signed(supabase, supabase.ec_key, "ES256", "r")) is None
    assert await verifier.verify(signed(supabase, supabase.rsa_key, "RS256", "e")) is None
    for algorithm in ("RS384", "RS512", "PS256"):
        assert await verifier.verify(signed(supabase, supabase.rsa_key, algorithm, "r")) is None
    supabase.shown = [public_jwk(supabase.rsa_key, "r", alg="RS512"), public_jwk(supabase.ec_key, "e", alg="RS256")]
    fresh = verifier_of(supabase, clock, None)
    assert await fresh.verify(signed(supabase, supabase.rsa_key, "RS256", "r")) is None
    assert await fresh.verify(supabase.token(USER)) is None


@pytest.mark.parametrize("secret", [None, LEGACY_SECRET])
async def test_the_public_key_is_no_secret(supabase: LittleSupabase, clock: Clock, secret: str | None) -> None:
    """Everybody knows the public key: taken as the secret of an HMAC it would let everybody in."""
    verifier = verifier_of(supabase, clock, secret)
    public = supabase.ec_key.public_key()
    forms = (
        str(ECAlgorithm.to_jwk(public)).encode(),
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    )
    for form in forms:
        # PyJWT itself refuses to make these.
        header = encoded({"alg": "HS256", "kid": "e", "typ": "JWT"})
        forged = f"{header}.{encoded(supabase.claims(USER))}"
        signature = base64.urlsafe_b64encode(hmac.digest(form, forged.encode(), "sha256")).decode().rstrip("=")
        assert await verifier.verify(f"{forged}.{signature}") is None


async def test_no_legacy_secret_no_hs256(supabase: LittleSupabase, clock: Clock) -> None:
    verifier = verifier_of(supabase, clock, None)
    for secret in (LEGACY_SECRET, ""):
        header_and_body = f"{encoded({'alg': 'HS256'})}.{encoded(supabase.claims(USER))}"
        digest = hmac.digest(secret.encode(), header_and_body.encode(), "sha256")
        token = f"{header_and_body}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
        assert await verifier.verify(token) is None
    assert supabase.fetched == 0


async def test_the_keys_of_services_are_nobody(supabase: LittleSupabase, verifier: TokenVerifier) -> None:
    """The legacy anon and service_role keys are tokens too, and published or all-powerful."""
    for role in ("anon", "service_role"):
        key = jwt.encode(
            {"iss": "supabase", "ref": "x", "role": role, "exp": time.time() + 86_400}, LEGACY_SECRET, "HS256"
        )
        assert await verifier.verify(key) is None
    assert await verifier.verify("sb_publishable_abcdefghijklmnopqrstuv_12345678") is None


@pytest.mark.parametrize("kid", [None, 7, "", "x" * 5000, {"a": 1}])
async def test_odd_key_ids(supabase: LittleSupabase, verifier: TokenVerifier, kid: Any) -> None:
    _, body, signature = supabase.token(USER).split(".")
    changed = {"alg": "ES256", "typ": "JWT", **({} if kid is None else {"kid": kid})}
    assert await verifier.verify(f"{encoded(changed)}.{body}.{signature}") is None


async def test_huge_and_deep_tokens(supabase: LittleSupabase, verifier: TokenVerifier) -> None:
    large = supabase.token(USER, app_metadata={"teams": "x" * 4000})
    assert len(large) < LONGEST and await verifier.verify(large) is not None
    huge = supabase.token(USER, app_metadata={"teams": "x" * LONGEST})
    assert await verifier.verify(huge) is None
    deep = base64.urlsafe_b64encode(b"[" * 6000).decode().rstrip("=")
    assert await verifier.verify(f"{deep}.e30.AA") is None
    assert await verifier.verify(f"{encoded({'alg': 'ES256', 'kid': 'e'})}.{deep}.AA") is None


def encoded(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


class TestRotation:
    async def test_a_new_key_is_known_soon(
        self, supabase: LittleSupabase, verifier: TokenVerifier, clock: Clock
    ) -> None:
        assert await verifier.verify(supabase.token(USER)) is not None
        new = ec.generate_private_key(ec.SECP256R1())
        supabase.shown.append(public_jwk(new, "new"))
        token = signed(supabase, new, "ES256", "new")
        clock.now += PAUSE_S
        assert await verifier.verify(token) is not None
        assert await verifier.verify(supabase.token(USER)) is not None
        assert supabase.fetched == 2

    async def test_a_removed_key_opens_nothing_after_the_cache_time(
        self, supabase: LittleSupabase, verifier: TokenVerifier, clock: Clock
    ) -> None:
        assert await verifier.verify(supabase.token(USER)) is not None
        del supabase.shown[0]
        clock.now += FRESH_S - 1
        assert await verifier.verify(supabase.token(USER)) is not None
        clock.now += 2
        assert await verifier.verify(supabase.token(USER)) is None

    async def test_made_up_key_ids_do_not_hammer_the_sign_in_service(
        self, supabase: LittleSupabase, verifier: TokenVerifier, clock: Clock
    ) -> None:
        for second in range(30):
            made_up = (signed(supabase, supabase.ec_key, "ES256", f"made-up-{second}-{n}") for n in range(4))
            assert await asyncio.gather(*map(verifier.verify, made_up)) == [None] * 4
            clock.now += 1
        assert supabase.fetched == 3, "one in ten seconds"

    async def test_many_at_once_fetch_once(self, supabase: LittleSupabase, verifier: TokenVerifier) -> None:
        bearers = await asyncio.gather(*(verifier.verify(supabase.token(USER)) for _ in range(20)))
        assert None not in bearers
        assert supabase.fetched == 1


class TestServiceDown:
    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (503, b""),
            (404, b"{}"),
            (302, b""),
            (200, b"<html>Under maintenance</html>"),
            (200, b"[]"),
            (200, b'{"keys": 1}'),
            (200, b"[" * 20_000),
            (200, b'{"keys": [' + b" " * LARGEST_SET + b"]}"),
        ],
    )
    async def test_the_last_good_set_stays(
        self, supabase: LittleSupabase, verifier: TokenVerifier, clock: Clock, status: int, body: bytes
    ) -> None:
        assert await verifier.verify(supabase.token(USER)) is not None
        supabase.status, supabase.body = status, body
        for _ in range(3):
            clock.now += FRESH_S + 1
            assert await verifier.verify(supabase.token(USER)) is not None
        assert supabase.fetched == 4, "asked again each time"

    async def test_none_was_ever_had(
        self, supabase: LittleSupabase, verifier: TokenVerifier, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        supabase.status, supabase.body = 500, b"x"
        for _ in range(5):
            with pytest.raises(SignInUnavailableError) as refused:
                await verifier.verify(supabase.token(USER))
        assert refused.value.status == 503 and supabase.fetched == 1
        # Tokens with the shared secret need no keys.
        assert await verifier.verify(supabase.legacy_token(USER)) is not None
        supabase.status, supabase.body = 200, None
        clock.now += PAUSE_S
        assert await verifier.verify(supabase.token(USER)) is not None

    async def test_nobody_answers(self, supabase: LittleSupabase, clock: Clock) -> None:
        verifier = TokenVerifier(KeySet("http://127.0.0.1:1" + JWKS_PATH, clock), "x", None)
        with pytest.raises(SignInUnavailableError):
            await verifier.verify(supabase.token(USER))


class TestKeySets:
    def test_keys_of_other_kinds_are_left_out(self, supabase: LittleSupabase, caplog: pytest.LogCaptureFixture) -> None:
        good = public_jwk(supabase.ec_key, "good")
        shown = [
            good,
            {"kty": "oct", "kid": "secret", "k": "c2VjcmV0", "alg": "HS256", "use": "sig"},
            public_jwk(ec.generate_private_key(ec.SECP384R1()), "p384", alg=None),
            public_jwk(rsa.generate_private_key(65537, 1024), "short"),  # noqa: S505 - to be refused
            public_jwk(supabase.ec_key, "encrypting", use="enc"),
            public_jwk(supabase.ec_key, "signing", key_ops=["sign"]),
            {**public_jwk(supabase.ec_key, "x"), "kid": None},
            public_jwk(supabase.ec_key, "off-curve", y="AAAA"),
            public_jwk(supabase.ec_key, "odd", kty=["EC"]),
            public_jwk(supabase.ec_key, "odd", key_ops=7),
            "text",
            None,
        ]
        with caplog.at_level(logging.WARNING):
            assert set(read_keys(json.dumps({"keys": shown}).encode())) == {"good"}
        assert "too short" in caplog.text and "cannot be read" in caplog.text

    async def test_a_project_without_keys_of_its_own(self, supabase: LittleSupabase, verifier: TokenVerifier) -> None:
        """One that still signs with the shared secret shows an empty set: no fault, and nobody else gets in."""
        supabase.shown = []
        assert await verifier.verify(supabase.token(USER)) is None
        assert await verifier.verify(supabase.legacy_token(USER)) is not None

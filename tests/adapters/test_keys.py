"""Keys: which verify what, how they change while the server runs, and that nothing is taken for what it is not."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.keyserver import KeyServer, SignInKey, claims, key_server, key_set, reply
from undervoice.auth import Tokens
from undervoice.errors import BadSettings, BadToken
from undervoice.jwks import LONGEST_DOCUMENT, FetchedKeys, FiledKeys, fetch, open_keys
from undervoice.keys import public_keys, secret_key
from undervoice.revocation import Revocations, parse_revoked

SECRET, OLDER, OLDEST = (letter * 40 for letter in "abc")


@pytest.fixture(scope="module")
def rsa_key() -> SignInKey:
    return SignInKey("r-1")


@pytest.fixture(scope="module")
def ec_key() -> SignInKey:
    return SignInKey("e-1", "ES256")


def refused(tokens: Tokens, token: str) -> str:
    with pytest.raises(BadToken) as refusal:
        tokens.verify(token)
    return refusal.value.code


# ---------------------------------------------------------------- this server's secrets


def test_a_token_of_the_previous_secret_holds_and_new_ones_are_signed_with_the_new() -> None:
    old = Tokens(OLDER).issue("agent", agent_id="a-7").token
    tokens = Tokens(SECRET, previous=OLDER)
    assert tokens.verify(old).subject == "a-7"
    new = tokens.issue("agent", agent_id="a-7").token
    assert jwt.get_unverified_header(new)["kid"] == secret_key(SECRET).kid
    assert Tokens(SECRET).verify(new).key_id == secret_key(SECRET).kid
    assert refused(Tokens(OLDER), new) == "token_invalid"
    assert refused(tokens, Tokens(OLDEST).issue("supervisor").token) == "token_invalid"


@pytest.mark.parametrize("secret", [SECRET, OLDER])
def test_a_token_that_names_no_key_is_tried_with_both(secret: str) -> None:
    token = jwt.encode(claims(), secret, algorithm="HS256")
    assert Tokens(SECRET, previous=OLDER).verify(token).key_id == secret_key(secret).kid


def test_a_token_that_names_another_key_than_its_own_is_refused() -> None:
    token = jwt.encode(claims(), SECRET, algorithm="HS256", headers={"kid": secret_key(OLDER).kid})
    assert refused(Tokens(SECRET, previous=OLDER), token) == "token_invalid"


def test_a_keys_name_is_the_same_everywhere_and_tells_nothing_of_the_secret() -> None:
    names = {secret_key(secret).kid for secret in (SECRET, OLDER, OLDEST)}
    assert len(names) == 3
    assert secret_key(SECRET).kid == secret_key(SECRET).kid
    assert SECRET not in repr(secret_key(SECRET))


def test_the_audience_is_the_deployments_own() -> None:
    tokens = Tokens(SECRET, audience="voice.example")
    assert tokens.verify(tokens.issue("supervisor").token).role == "supervisor"
    assert refused(tokens, Tokens(SECRET).issue("supervisor").token) == "token_invalid"


# ---------------------------------------------------------------- the sign-in's own keys


@pytest.fixture
def tokens(tmp_path: Path, rsa_key: SignInKey, ec_key: SignInKey) -> Tokens:
    """Tokens that take both public keys from a file."""
    file = tmp_path / "keys.json"
    file.write_bytes(key_set(rsa_key, ec_key))
    return Tokens(SECRET, foreign=open_keys(str(file)), issuer="https://id.example")


def test_rsa_and_ec_tokens_are_verified_beside_own_ones(tokens: Tokens, rsa_key: SignInKey, ec_key: SignInKey) -> None:
    for key in (rsa_key, ec_key):
        bearer = tokens.verify(key.sign(iss="https://id.example", call_id="c-1"))
        assert (bearer.role, bearer.subject, bearer.call_id, bearer.key_id) == ("agent", "a-7", "c-1", key.kid)
    assert tokens.verify(tokens.issue("supervisor").token).role == "supervisor"


def test_a_foreign_token_needs_no_jti_its_hash_stands_for_it(tokens: Tokens, rsa_key: SignInKey) -> None:
    one, other = (rsa_key.sign(iss="https://id.example", jti=None, sub=name) for name in ("a-1", "a-2"))
    assert tokens.verify(one).token_id == tokens.verify(one).token_id != tokens.verify(other).token_id
    assert tokens.verify(one).token_id not in one


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"exp": None},
        {"role": "admin"},
        {"role": None},
        {"sub": "../x"},
        {"sub": None},
        {"nbf": int(time.time()) + 3600},
    ],
)
def test_a_foreign_token_with_other_claims_is_refused(
    tokens: Tokens, rsa_key: SignInKey, changes: dict[str, object]
) -> None:
    assert refused(tokens, rsa_key.sign(**({"iss": "https://id.example"} | changes))) == "token_invalid"


def test_an_expired_foreign_token_says_so(tokens: Tokens, ec_key: SignInKey) -> None:
    assert refused(tokens, ec_key.sign(iss="https://id.example", exp=int(time.time()) - 60)) == "token_expired"


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def hs256(header: dict[str, object], secret: bytes) -> str:
    """Return an HMAC token as a forger makes it: PyJWT refuses to sign with a public key."""
    from jwt.algorithms import HMACAlgorithm

    signed = f"{part(header)}.{part(claims(iss='https://id.example', role='supervisor'))}"
    digest = HMACAlgorithm(HMACAlgorithm.SHA256)
    signature = digest.sign(signed.encode(), secret)
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@pytest.mark.parametrize("form", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1])
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
@pytest.mark.parametrize("algorithm", ["HS256", "RS256"])
@pytest.mark.parametrize("kid", ["r-1", None, secret_key(SECRET).kid])
def test_a_public_key_is_never_taken_for_a_secret(
    tokens: Tokens, rsa_key: SignInKey, form: PublicFormat, encoding: Encoding, algorithm: str, kid: str | None
) -> None:
    public = rsa_key.private.public_key().public_bytes(encoding, form)
    header: dict[str, object] = {"alg": algorithm, "typ": "JWT"} | ({"kid": kid} if kid else {})
    assert refused(tokens, hs256(header, public)) == "token_invalid"
    assert refused(tokens, hs256(header, json.dumps(rsa_key.public).encode())) == "token_invalid"


def test_a_secret_is_never_taken_for_a_public_key(tokens: Tokens) -> None:
    for kid in ("r-1", "e-1"):
        assert refused(tokens, hs256({"alg": "HS256", "kid": kid}, SECRET.encode())) == "token_invalid"
        assert refused(tokens, hs256({"alg": "RS256", "kid": kid}, SECRET.encode())) == "token_invalid"


def test_a_key_that_the_token_brings_along_is_not_looked_at(tokens: Tokens) -> None:
    mine = SignInKey(None)
    for header in ({"jwk": mine.public}, {"jku": "http://127.0.0.1:1/keys"}, {"x5u": "http://127.0.0.1:1/"}):
        for kid in ({}, {"kid": "r-1"}):
            token = jwt.encode(claims(iss="https://id.example"), mine.private, "RS256", headers=header | kid)
            assert refused(tokens, token) == "token_invalid"


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_another_algorithm_of_a_known_key_is_refused(tokens: Tokens, rsa_key: SignInKey, algorithm: str) -> None:
    token = jwt.encode(claims(iss="https://id.example"), rsa_key.private, algorithm, headers={"kid": "r-1"})
    assert refused(tokens, token) == "token_invalid"


def test_an_unsigned_token_is_refused_whatever_key_it_names(tokens: Tokens) -> None:
    for algorithm in ("none", "None", "NONE", "", None, 7, ["RS256"], {"a": 1}):
        for kid in ("r-1", "", None, 7, ["r-1"]):
            header = {"alg": algorithm, "kid": kid}
            for signature in ("", "AA", "AAAA"):
                assert refused(tokens, f"{part(header)}.{part(claims())}.{signature}") == "token_invalid"


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "jku"]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)))  # fmt: skip
def test_whatever_a_header_says_without_a_signature_it_is_refused(header: dict[str, object]) -> None:
    assert refused(Tokens(SECRET, previous=OLDER), f"{part(header)}.{part(claims())}.AAAA") == "token_invalid"


# ---------------------------------------------------------------- key sets


def test_keys_that_serve_another_purpose_are_passed_over(rsa_key: SignInKey, ec_key: SignInKey) -> None:
    good = rsa_key.public
    others = [
        good | {"use": "enc"},
        good | {"alg": "RS512"},
        good | {"alg": "HS256"},
        good | {"kid": 7},
        good | {"kty": "oct", "k": "c2VjcmV0"},
        good | {"d": "AQAB"},
        {"kty": "oct", "k": base64.urlsafe_b64encode(b"s" * 32).decode(), "kid": "o"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"},
        SignInKey("weak", bits=1024).public,
        SignInKey("p384", "ES256", curve=ec.SECP384R1()).public,
        {},
    ]
    assert [key.kid for key in public_keys(key_set(*others, rsa_key, ec_key))] == ["r-1", "e-1"]
    for other in others:
        with pytest.raises(ValueError, match="no RSA"):
            public_keys(key_set(other))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"keys":7}', b'{"keys":[]}', b'{"keys":[7,null]}', b"\xff\xfe", b"[" * 9000]
)
def test_what_is_no_key_set_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="it "):
        public_keys(content)
    (tmp_path / "keys").write_bytes(content)
    with pytest.raises(BadSettings, match="keys cannot be used"):
        FiledKeys(tmp_path / "keys")


@given(st.binary(max_size=300))
def test_whatever_comes_as_a_key_set_is_refused_and_no_more(content: bytes) -> None:
    with pytest.raises(ValueError, match="it "):
        public_keys(content)


def test_a_file_of_keys_counts_as_soon_as_it_changes_and_a_broken_one_not_at_all(
    tmp_path: Path, rsa_key: SignInKey, ec_key: SignInKey, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys"
    file.write_bytes(key_set(rsa_key))
    tokens = Tokens(SECRET, foreign=FiledKeys(file))
    assert refused(tokens, ec_key.sign()) == "token_invalid"
    file.write_bytes(key_set(ec_key))
    assert tokens.verify(ec_key.sign()).subject == "a-7"
    assert refused(tokens, rsa_key.sign()) == "token_invalid"
    file.write_bytes(b"{broken")
    for _ in range(3):
        assert tokens.verify(ec_key.sign()).subject == "a-7"
    file.unlink()
    assert tokens.verify(ec_key.sign()).subject == "a-7"
    assert len(caplog.messages) == 2, "each fault is told once"
    file.write_bytes(key_set(rsa_key))
    assert tokens.verify(rsa_key.sign()).subject == "a-7"


# ---------------------------------------------------------------- fetched keys


@pytest.fixture
def served(rsa_key: SignInKey) -> Iterator[KeyServer]:
    with key_server() as server:
        server.hand_out(rsa_key)
        yield server


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_keys_are_fetched_when_a_token_first_needs_them(served: KeyServer, rsa_key: SignInKey) -> None:
    tokens = Tokens(SECRET, foreign=open_keys(served.url))
    own = tokens.issue("supervisor").token
    await tokens.prepare(own)
    for nothing in (None, "", "nonsense", "a.b.c"):
        await tokens.prepare(nothing)
    assert served.asked == 0
    for _ in range(5):
        await tokens.prepare(rsa_key.sign())
        assert tokens.verify(rsa_key.sign()).subject == "a-7"
    assert served.asked == 1


async def test_an_unknown_key_is_asked_for_once_in_thirty_seconds(
    served: KeyServer, rsa_key: SignInKey, ec_key: SignInKey
) -> None:
    clock = Clock()
    tokens = Tokens(SECRET, foreign=FetchedKeys(served.url, clock))
    await tokens.prepare(rsa_key.sign())
    served.hand_out(rsa_key, ec_key)
    for number in range(20):
        clock.now = number
        await tokens.prepare(ec_key.sign())
        assert refused(tokens, ec_key.sign()) == "token_invalid"
    assert served.asked == 1
    clock.now = 30.0
    await tokens.prepare(ec_key.sign())
    assert tokens.verify(ec_key.sign()).key_id == "e-1"
    assert served.asked == 2


async def test_old_keys_are_fetched_again_while_they_are_used_and_a_withdrawn_one_ends(
    served: KeyServer, rsa_key: SignInKey, ec_key: SignInKey
) -> None:
    clock = Clock()
    keys = FetchedKeys(served.url, clock)
    tokens = Tokens(SECRET, foreign=keys)
    await tokens.prepare(rsa_key.sign())
    served.hand_out(ec_key)
    clock.now = 601.0
    await tokens.prepare(rsa_key.sign())  # known: nobody waits
    assert keys._fetching
    await keys._fetching
    assert refused(tokens, rsa_key.sign()) == "token_invalid"


@pytest.mark.parametrize("fault", ["status", "nonsense", "empty", "redirect", "no http", "large", "cut"])
async def test_the_last_good_keys_stay_when_they_cannot_be_fetched(
    served: KeyServer, rsa_key: SignInKey, ec_key: SignInKey, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    tokens = Tokens(SECRET, foreign=FetchedKeys(served.url, clock))
    await tokens.prepare(rsa_key.sign())
    served.answer = {
        "status": lambda handler: reply(handler, key_set(ec_key), 500),
        "nonsense": lambda handler: reply(handler, b"<html>"),
        "empty": lambda handler: reply(handler, b'{"keys":[]}'),
        "redirect": lambda handler: reply(handler, b"", 302, Location=served.url + "?again"),
        "no http": lambda handler: handler.wfile.write(b"\0\1\2\r\n\r\n"),
        "large": lambda handler: reply(handler, key_set(ec_key) + b" " * LONGEST_DOCUMENT),
        "cut": lambda handler: reply(handler, key_set(ec_key)[:100], **{"Content-Length": "9999"}),
    }[fault]
    clock.now = 700.0
    await tokens.prepare(ec_key.sign())
    assert served.asked == 2, "a redirect is not followed"
    assert refused(tokens, ec_key.sign()) == "token_invalid"
    assert tokens.verify(rsa_key.sign()).subject == "a-7"
    (told,) = caplog.messages
    assert "1 stay" in told
    assert served.url not in told


async def test_a_dead_key_server_delays_no_token_of_our_own(
    rsa_key: SignInKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    monkeypatch.setattr("undervoice.jwks.TIMEOUT_SEC", 1.0)
    with key_server() as server:
        server.answer = lambda handler: time.sleep(3)
        tokens = Tokens(SECRET, foreign=open_keys(server.url))
        own = tokens.issue("supervisor").token
        waiting = asyncio.create_task(tokens.prepare(rsa_key.sign()))
        began = time.monotonic()
        while not waiting.done():
            at = time.monotonic()
            await tokens.prepare(own)
            tokens.verify(own)
            assert time.monotonic() - at < 0.5
            await asyncio.sleep(0.02)
        assert 0.9 < time.monotonic() - began < 2.9, "whoever waits, waits for the time-out"
        assert refused(tokens, rsa_key.sign()) == "token_invalid"


def test_a_key_server_that_drips_is_given_up(served: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from http.server import BaseHTTPRequestHandler

    monkeypatch.setattr("undervoice.jwks.TIMEOUT_SEC", 0.5)

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(40):
            handler.wfile.write(b" ")
            time.sleep(0.1)

    served.answer = drip
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        fetch(served.url)
    assert time.monotonic() - began < 2


# ---------------------------------------------------------------- revocation


def test_a_revoked_key_or_token_no_longer_counts_from_the_next_question_on(tmp_path: Path) -> None:
    file = tmp_path / "revoked"
    file.write_text("# nothing yet\n")
    tokens = Tokens(SECRET, previous=OLDER, revocations=Revocations(file))
    kept, lost = (tokens.issue("agent", agent_id="a-7").token for _ in range(2))
    old = Tokens(OLDER).issue("supervisor").token
    running = tokens.verify(lost)
    assert not tokens.is_revoked(running)
    file.write_text(f"{running.token_id}  # left in a train\n\n{secret_key(OLDER).kid}\r\n")
    assert tokens.is_revoked(running)
    assert refused(tokens, lost) == refused(tokens, old) == "token_revoked"
    assert tokens.verify(kept).subject == "a-7"
    file.write_text("")
    assert tokens.verify(lost).subject == "a-7"


def test_what_was_revoked_stays_so_when_the_file_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "revoked"
    bearer = Tokens(SECRET).verify(Tokens(SECRET).issue("supervisor").token)
    file.write_text(bearer.token_id)
    tokens = Tokens(SECRET, revocations=Revocations(file))
    file.write_bytes(b"\xff\xff")
    assert tokens.is_revoked(bearer)
    file.unlink()
    assert tokens.is_revoked(bearer)


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="nowhere cannot be used: No such file"):
        Revocations(tmp_path / "nowhere")


def test_a_foreign_key_can_be_revoked_before_its_set_changes(tmp_path: Path, rsa_key: SignInKey) -> None:
    (tmp_path / "keys").write_bytes(key_set(rsa_key))
    (tmp_path / "revoked").write_text("r-1")
    tokens = Tokens(SECRET, foreign=open_keys(str(tmp_path / "keys")), revocations=Revocations(tmp_path / "revoked"))
    assert refused(tokens, rsa_key.sign()) == "token_revoked"


@given(
    st.lists(st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)), st.sampled_from(["\n", "\r\n", "\n\n", " # x\n"])
)
def test_a_revocation_file_is_read_line_by_line(ids: list[str], end: str) -> None:
    assert parse_revoked("".join(name + end for name in ids).encode()) == set(ids)

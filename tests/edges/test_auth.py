"""Tokens: who is let in as what, and who is not."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undervoice.auth import ROLES, Principal, Role, Tokens
from undervoice.errors import BadInput, BadToken

SECRET = "a secret that is longer than 32 bytes"
tokens = Tokens(SECRET)
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@=+-]{0,20}", fullmatch=True)


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    base = {"sub": "a-7", "role": "agent", "aud": "undervoice", "iat": now, "exp": now + 60, "jti": uuid.uuid4().hex}
    return {name: value for name, value in (base | changes).items() if value is not None}


def signed(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), secret, algorithm=algorithm)


def refused(token: str | None) -> str:
    with pytest.raises(BadToken) as refusal:
        tokens.verify(token)
    assert not token or len(token) < 40 or token not in refusal.value.message
    return refusal.value.code


@given(st.sampled_from(ROLES), ids, st.none() | ids, st.integers(1, 86_400))
def test_what_is_issued_is_verified(role: Role, agent_id: str, call_id: str | None, ttl_sec: int) -> None:
    answer = tokens.issue(role, agent_id=agent_id, call_id=call_id, ttl_sec=ttl_sec)
    principal = tokens.verify(answer.token)
    assert (principal.role, principal.subject, principal.call_id) == (role, agent_id, call_id)
    assert principal.expires_at == pytest.approx(time.time() + ttl_sec, abs=3)
    assert answer.expires_at.endswith("Z")


def test_every_token_has_its_own_id() -> None:
    made = [tokens.verify(tokens.issue("supervisor").token).token_id for _ in range(20)]
    assert len(set(made)) == 20


@pytest.mark.parametrize("missing", [None, ""])
def test_no_token_is_missing(missing: str | None) -> None:
    assert refused(missing) == "token_missing"


def test_an_expired_token_says_so() -> None:
    assert refused(signed(exp=int(time.time()) - 10)) == "token_expired"


def test_clocks_may_differ_by_five_seconds() -> None:
    assert tokens.verify(signed(exp=int(time.time()) - 3)).subject == "a-7"
    assert tokens.verify(signed(iat=int(time.time()) + 3)).subject == "a-7"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"aud": None},
        {"exp": None},
        {"iat": None},
        {"jti": None},
        {"role": None},
        {"role": "admin"},
        {"role": ["agent"]},
        {"sub": None},
        {"sub": "../x"},
        {"sub": "x" * 200},
        {"call_id": 7},
        {"call_id": "a\n"},
        {"iat": int(time.time()) + 3600},
        {"exp": "soon"},
    ],
)
def test_other_claims_are_refused(changes: dict[str, Any]) -> None:
    assert refused(signed(**changes)) == "token_invalid"


def test_another_secret_is_refused() -> None:
    assert refused(signed(secret="another secret of more than 32 bytes")) == "token_invalid"


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused(algorithm: str) -> None:
    secret = SECRET * 2
    with pytest.raises(BadToken) as refusal:
        Tokens(secret).verify(signed(secret=secret, algorithm=algorithm))
    assert refusal.value.code == "token_invalid"


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None])
def test_an_unsigned_token_is_refused(algorithm: str | None) -> None:
    assert refused(f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims())}.") == "token_invalid"


def test_a_header_nested_too_deep_is_refused() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 2900).rstrip(b"=").decode()
    assert refused(f"{deep}.{part(claims())}.x") == "token_invalid"
    assert refused("x" * 5000) == "token_invalid"


@given(st.text(min_size=1, max_size=200))
def test_whatever_comes_as_a_token_is_refused_and_no_more(text: str) -> None:
    assert refused(text) == "token_invalid"


@given(st.integers(0, 400), st.characters(codec="ascii"))
def test_a_token_with_one_character_changed_is_refused(place: int, letter: str) -> None:
    token = signed()
    place %= token.rindex(".")  # the signature's last character has spare bits
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        assert refused(changed) == "token_invalid"


@pytest.mark.parametrize(
    ("role", "fields", "code"),
    [
        ("agent", {}, "agent_unnamed"),
        ("king", {"agent_id": "a"}, "bad_role"),
        ("agent", {"agent_id": "a b"}, "bad_name"),
        ("agent", {"call_id": ""}, "bad_name"),
        ("supervisor", {"call_id": "a" * 129}, "bad_name"),
        ("supervisor", {"ttl_sec": 0}, "bad_ttl"),
        ("supervisor", {"ttl_sec": 10**15}, "bad_ttl"),
    ],
)
def test_a_token_that_would_mean_nothing_is_not_issued(role: Role, fields: dict[str, Any], code: str) -> None:
    with pytest.raises(BadInput) as refusal:
        tokens.issue(role, **fields)
    assert refusal.value.code == code


def bearer(role: Role, subject: str | None = None, call_id: str | None = None) -> Principal:
    return Principal(role, subject, call_id, 0.0, "t")


@given(ids, ids, ids)
def test_an_agent_sees_own_rows_only(own: str, other: str, call: str) -> None:
    agent = bearer("agent", own)
    assert agent.may_see(call, own)
    assert agent.may_see(call, other) == (other == own)
    assert not agent.may_see(call, None)


@given(ids, ids)
def test_a_token_for_one_call_sees_that_call_only(call: str, other: str) -> None:
    for agent in (bearer("agent", None, call), bearer("agent", "a-7", call)):
        assert agent.may_see(call, None)
        assert agent.may_see(other, "a-7") == (other == call)
        assert agent.may_stream(other, None) == (other == call)


def test_supervisors_see_all_and_integrators_nothing() -> None:
    assert bearer("supervisor").may_see("c", "a")
    assert not bearer("integrator").may_see("c", "a")


def test_who_may_stream() -> None:
    assert bearer("agent", "a-7").may_stream("any", "a-7")
    assert bearer("agent", "a-7").may_stream("any", None)
    assert not bearer("agent", "a-7").may_stream("any", "a-8")
    assert not bearer("agent", None, "c-1").may_stream("c-1", "a-8"), "nobody streams in another's name"
    assert bearer("integrator").may_stream("any", "a-8")
    assert not bearer("supervisor").may_stream("any", None)


def test_who_may_analyze() -> None:
    assert bearer("supervisor").may_analyze(None, "a")
    assert bearer("integrator").may_analyze("c", "a")
    assert bearer("agent", "a-7").may_analyze(None, "a-7")
    assert not bearer("agent", "a-7").may_analyze(None, "a-8")
    assert not bearer("agent", None, "c-1").may_analyze("c-2", None)


def test_only_integrators_hand_out_tokens_and_never_above_agent() -> None:
    assert {(role, wanted) for role in ROLES for wanted in ROLES if bearer(role).may_issue(wanted)} == {
        ("integrator", "agent")
    }

"""Text frames become messages; nothing unknown ends a call."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undervoice.dialects.native import TYPES, decode
from undervoice.errors import BadInput
from undervoice.messages import Flush, Pause, Ping, Start

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=10,
)


@given(st.text())
def test_text_that_is_no_message_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        decode(text)
    assert refused.value.code == "bad_message"


@given(
    kind=st.sampled_from([*TYPES, "checkpoint", "x"]), fields=st.dictionaries(st.text(max_size=12), JSON, max_size=5)
)
def test_any_object_is_a_message_or_bad_input_or_ignored(kind: str, fields: dict[str, object]) -> None:
    try:
        message, warnings = decode(json.dumps(fields | {"type": kind}))
    except BadInput:
        return
    assert (message is None) == (kind not in TYPES)
    assert message is not None or [w.code for w in warnings] == ["unknown_type"]


def test_unknown_fields_are_named_wherever_they_are() -> None:
    frame = {
        "type": "start",
        "call_id": "c",
        "audio": {"depth": 1},
        "config": {"vad": {"x": 1}},
        "metadata": {"any": 1},
    }
    message, warnings = decode(json.dumps(frame | {"new": 1}))
    assert isinstance(message, Start)
    assert {w.ref for w in warnings} == {"start.audio.depth", "start.config.vad.x", "start.new"}


@pytest.mark.parametrize("frame", ["", "[]", "3", "null", '{"type":3}', "{}", "[" * 100_000, '{"type":"pause"'])
def test_what_is_no_object_with_a_type_is_bad_input(frame: str) -> None:
    with pytest.raises(BadInput):
        decode(frame)


def test_messages_carry_what_they_said() -> None:
    assert decode('{"type":"ping","id":7}')[0] == Ping(7)
    assert decode('{"type":"pause","reason":"card"}')[0] == Pause("card")
    assert decode('{"type":"flush"}')[0] == Flush()


@pytest.mark.parametrize(
    "call_id", ["", "a" * 129, "/", "..", "__x__", "a/b", "a b", "a\n", "a\u0000", "ä", "-a", ".hidden", "a" * 10_000]
)
def test_an_id_that_could_mean_a_path_is_refused(call_id: str) -> None:
    with pytest.raises(BadInput, match="start"):
        decode(json.dumps({"type": "start", "call_id": call_id, "audio": {}}))

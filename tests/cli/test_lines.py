"""Log lines: one an event, whatever clients put into it."""

from __future__ import annotations

import contextvars
import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undervoice import context
from undervoice.cli.lines import JsonLine, OneLine, fault, printable

LINE = OneLine("%(levelname)s %(message)s")


def logged(message: str, *args: object, error: BaseException | None = None) -> str:
    exc_info = (type(error), error, error.__traceback__) if error else None
    return LINE.format(logging.LogRecord("undervoice", logging.INFO, __file__, 1, message, args, exc_info))


def raised(words: str) -> ValueError:
    with pytest.raises(ValueError, match=words) as caught:
        fail(words)
    return caught.value


def fail(words: str) -> None:
    try:
        {}[words]
    except KeyError as error:
        raise ValueError(words) from error


@given(st.text())
def test_whatever_is_logged_is_one_printable_line(text: str) -> None:
    line = logged("call id=%s ends", text)
    assert line.isprintable()
    assert len(line.splitlines()) == 1
    assert line.startswith("INFO call id=")


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"))))
def test_what_is_printable_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_what_could_forge_a_line_or_move_the_cursor_is_escaped() -> None:
    assert printable("a\nb\r\x1b[2K\x85\u2028\u202e\x00\x7f\ud800 %s") == (
        r"a\nb\r\x1b[2K\x85\u2028\u202e\x00\x7f\ud800 %s"
    )


@given(st.text(alphabet="xyz", min_size=12, max_size=30))
def test_a_fault_is_told_by_kind_and_place_without_its_words(words: str) -> None:
    line = logged("call failed", error=raised(words))
    assert words not in line
    assert line.startswith("INFO call failed: ValueError at test_lines.py:")
    assert "; after KeyError at test_lines.py:" in line
    assert " fail" in line


def test_a_fault_of_the_system_says_which() -> None:
    with pytest.raises(OSError, match="nowhere") as caught:
        Path("/nowhere/x").stat()
    assert fault(caught.value).endswith("(No such file or directory)")
    assert "nowhere" not in fault(caught.value)
    assert fault(RuntimeError("x")) == "RuntimeError"


def as_json(record: logging.LogRecord) -> dict[str, str]:
    line = JsonLine().format(record)
    assert line.isprintable()
    told = json.loads(line)
    assert all(isinstance(value, str) for value in told.values())
    return dict(told)


@given(st.text(), st.text(min_size=1))
def test_as_json_whatever_is_logged_is_one_printable_line_too(text: str, name: str) -> None:
    told = as_json(logging.LogRecord(name, logging.WARNING, __file__, 1, "seen %s", (text,), None))
    assert told["level"] == "warning"
    assert told["message"] == printable(f"seen {text}".rstrip())
    assert set(told) == {"time", "level", "logger", "message"}


def test_as_json_a_line_about_a_call_says_which_and_others_do_not() -> None:
    def tell(name: str) -> dict[str, str]:
        return as_json(logging.LogRecord(name, logging.INFO, __file__, 1, "x", (), None))

    def serve(call_id: str) -> None:
        context.enter(session_id="s-1")
        context.enter(call_id=call_id)
        told = tell("undervoice.stream")
        assert (told["call_id"], told["session_id"]) == (call_id, "s-1")
        assert "trace_id" not in told
        assert "call_id" not in tell("undervoice.store")

    for call_id in ("c-1", "c-2"):
        contextvars.copy_context().run(serve, call_id)
    assert "call_id" not in tell("undervoice.stream"), "it goes with its task"


def test_as_json_a_fault_and_a_code_have_fields_of_their_own() -> None:
    error = raised("secret words")
    record = logging.LogRecord(
        "undervoice.stream", logging.ERROR, __file__, 1, "call failed", (), (ValueError, error, error.__traceback__)
    )
    record.code = "internal"
    told = as_json(record)
    assert told["code"] == "internal"
    assert told["error"].startswith("ValueError at test_lines.py:")
    assert "secret" not in json.dumps(told)

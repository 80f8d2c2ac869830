"""How the server logs: one event a line, whatever is in it, and of a fault the place, never its words.

The words of an exception often quote what could not be understood: a token, or what a customer said.
"""

from __future__ import annotations

import logging
import sys
import traceback
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from undervoice.context import current

MOST_FRAMES = 8


class OneLine(logging.Formatter):
    """Writes a record so that no client can end its line or begin another."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        record.message = record.getMessage().rstrip()
        record.asctime = self.formatTime(record)
        line = self.formatMessage(record)
        if record.exc_info and record.exc_info[1]:
            line += f": {fault(record.exc_info[1])}"
        return printable(line)


def printable(text: str) -> str:
    """Return a text with everything escaped that a terminal or a reader of logs could take for more than itself."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def fault(error: BaseException) -> str:
    """Return what kind of fault it was and where, the innermost place first, without its words."""
    frames = traceback.extract_tb(error.__traceback__)[::-1]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[:MOST_FRAMES])
    told = f"{type(error).__name__} at {places}" if places else type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        told += f" ({error.strerror})"
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return told + (f"; after {fault(before)}" if before else "")


class JsonLine(logging.Formatter):
    """Writes a record as a line of JSON, for whoever collects logs.

    ``time``, ``level``, ``logger`` and ``message`` are always there; ``code`` where an error has one, ``error`` where
    there was a fault; ``call_id``, ``session_id`` and ``trace_id`` in what a call says of itself.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, str] = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": printable(record.name),
            "message": printable(record.getMessage().rstrip()),
        }
        if isinstance(code := getattr(record, "code", None), str):
            line["code"] = code
        if record.name in ABOUT_CALLS:
            line |= {name: value for name, value in asdict(current()).items() if value is not None}
        if record.exc_info and record.exc_info[1]:
            line["error"] = printable(fault(record.exc_info[1]))
        return msgspec.json.encode(line).decode()


ABOUT_CALLS = ("undervoice.stream", "uvicorn.error")
"""Others may run on in the task of a call that only woke them, and speak of more than that call."""
FORMATS: dict[str, logging.Formatter] = {
    "text": OneLine("%(asctime)s %(levelname)s %(name)s %(message)s"),
    "json": JsonLine(),
}


def log_to_stderr(level: str, form: str = "text") -> None:
    """Send this product's log from a level on, and the libraries' news, to standard error, as text or JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FORMATS[form])
    # Libraries tell at DEBUG what goes over the wire, tokens and audio included.
    logging.basicConfig(handlers=[handler], level=max(logging.INFO, logging.getLevelNamesMapping()[level.upper()]))
    logging.getLogger("undervoice").setLevel(level.upper())
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells addresses, and a receiver's may hold a secret
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a broken record would be printed with its arguments


OLD_NEWS = (
    "WebSocket %s",
    "returned without completing handshake",
    "Invalid UTF-8 sequence",
    "Invalid HTTP request",
    "Unsupported upgrade",
)
"""The first repeats a socket's address with its query; the others make noise of ours out of what strangers send."""


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record of uvicorn's may be logged."""
    return not any(text in str(record.msg) for text in OLD_NEWS)

"""Everything that can go wrong, once, and how the wire names it.

::

    UndervoiceError
    ├── BadInput            400 / 4400  the client sent something that cannot be understood
    │   ├── BadStart        400 / 4400  the first frame is no usable ``start``
    │   ├── BadAudio        400 / 4400  empty, undecodable or too short to mean anything
    │   ├── UnsupportedAudio 415 / 4400 a format, rate or channel layout that is not served
    │   └── NoSpeech        422 / —     a clip in which nobody speaks
    ├── TooLarge            413 / 1009  a clip or frame over the limit
    ├── NotFound            404 / —     no such call or segment
    ├── BadToken            401 / 4401  missing, forged or expired token
    ├── Forbidden           403 / 4403  role, origin, consent, or somebody else's call
    ├── CallExists          409 / 4409  ``start`` for a call that is already known
    ├── IdleCall            408 / 4408  nothing came for a minute
    ├── SlowBody            408 / —     a request's body that hardly comes
    ├── TooMany             429 / 4429  too many connections, or persistently too fast
    ├── TooLong             413 / 4440  the longest call is exceeded
    ├── GoingAway           503 / 1001  this server is being stopped: another one takes over
    ├── Overloaded          503 / 1013  full, come back later
    │   └── StoreDown       503 / 1013  the store does not answer
    ├── Internal            500 / 1011  ours, not the client's
    ├── BadSettings           —         the operator's configuration cannot be served
    └── BadModel              —         a model folder that cannot be trusted
"""

from __future__ import annotations


class UndervoiceError(Exception):
    """Base of the tree; ``code`` is what clients match on, the message is for people."""

    code = "internal"
    http_status = 500
    close_code = 1011
    retryable = False

    def __init__(self, message: str, *, code: str | None = None, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.retry_after_ms = retry_after_ms


class BadInput(UndervoiceError):
    """The client sent something that cannot be understood."""

    code, http_status, close_code = "bad_input", 400, 4400


class BadStart(BadInput):
    """The first text frame is no usable ``start``."""

    code = "bad_start"


class BadAudio(BadInput):
    """Audio that is empty or cannot be decoded."""

    code = "bad_audio"


class UnsupportedAudio(BadInput):
    """A container, encoding, sample rate or channel layout that is not served."""

    code, http_status = "unsupported_audio", 415


class NoSpeech(BadInput):
    """A clip in which nobody speaks."""

    code, http_status = "no_speech", 422


class TooLarge(UndervoiceError):
    """A clip or frame over the limit."""

    code, http_status, close_code = "too_large", 413, 1009


class NotFound(UndervoiceError):
    """No such call or route."""

    code, http_status, close_code = "not_found", 404, 4400


class BadToken(UndervoiceError):
    """A missing, forged or expired token."""

    code, http_status, close_code = "bad_token", 401, 4401


class Forbidden(UndervoiceError):
    """A known caller who may not do this: role, origin, consent, or somebody else's call."""

    code, http_status, close_code = "forbidden", 403, 4403


class CallExists(UndervoiceError):
    """A ``start`` for a call that is already known."""

    code, http_status, close_code = "call_exists", 409, 4409


class IdleCall(UndervoiceError):
    """No data frame for a minute."""

    code, http_status, close_code, retryable = "idle", 408, 4408, True


class SlowBody(UndervoiceError):
    """A request's body that stands still, or hardly comes."""

    code, http_status, close_code, retryable = "slow_body", 408, 4408, True


class TooMany(UndervoiceError):
    """Too many connections, or a client that stays faster than it may."""

    code, http_status, close_code, retryable = "too_many", 429, 4429, True


class TooLong(UndervoiceError):
    """The longest call is exceeded."""

    code, http_status, close_code = "call_too_long", 413, 4440


class GoingAway(UndervoiceError):
    """This server is being stopped; the same request succeeds elsewhere, or here later."""

    code, http_status, close_code, retryable = "draining", 503, 1001, True


class Overloaded(UndervoiceError):
    """The server is full; the same request may succeed later."""

    code, http_status, close_code, retryable = "overloaded", 503, 1013, True


class StoreDown(Overloaded):
    """The store does not answer within its deadline."""

    code = "store_down"


class Internal(UndervoiceError):
    """A fault of ours; the log holds the details, the client gets none."""


class BadSettings(UndervoiceError):
    """The operator's configuration cannot be served."""

    code = "bad_settings"


class BadModel(UndervoiceError):
    """A model folder whose checksum, labels or features do not fit."""

    code = "bad_model"

"""The table of settings: each once, with how it is read and explained.

It feeds the environment, the command line and the README. Rows are in the order in which people need them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from undervoice import places
from undervoice.secret import LEAST_SECRET_BYTES
from undervoice.signatures import signing_key
from undervoice.triage import AROUSAL_WEIGHT, STEP, UPSET_WEIGHT, WORDS_WEIGHT

PREFIX = "UNDERVOICE_"
OFF = "off"
LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])[:/]")
MOST_WEBHOOKS = 16
DEFAULT_PORT = re.compile(r"^https:.*:443$|^http:.*:80$")


def _text(value: object) -> str:
    if not str(value).strip():
        raise ValueError("must not be empty")
    return str(value).strip()


def _integer(least: int, most: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if not re.fullmatch(r"-?\d{1,18}", str(value).strip()) or not least <= int(str(value)) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(str(value))

    return parse


def _choice(*known: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if str(value) not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return str(value)

    return parse


def _folder(value: object) -> Path:
    return Path(_text(value)).expanduser().absolute()


def _file(value: object) -> Path | None:
    return None if str(value).strip() == OFF else _folder(value)


def _subjects(value: object) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in str(value).split(",")))
    if names not in (("customer",), ("customer", "agent"), ("agent", "customer")):
        raise ValueError("must be customer, or customer,agent where the law lets you score employees")
    return names


def _jwks(value: object) -> str:
    text = _text(value)
    if "://" in text and not text.startswith("https://") and not LOOPBACK.match(text):
        raise ValueError("must be a file, or an https:// address (http:// on this machine only)")
    return text


def _webhooks(value: object) -> tuple[str, ...]:
    urls = tuple(dict.fromkeys(re.split(r"[\s,]+", str(value).strip())))
    if len(urls) > MOST_WEBHOOKS:
        raise ValueError(f"must be at most {MOST_WEBHOOKS} addresses")
    for url in urls:
        if not re.fullmatch(r"https://[^/?#\s]+[^#\s]*", url) and not LOOPBACK.match(url):
            raise ValueError("must be https:// addresses (http:// on this machine only), separated by commas")
    return urls


def _webhook_secret(value: object) -> tuple[bytes, ...]:
    try:
        return tuple(signing_key(part) for part in re.split(r"[\s,]+", str(value).strip()))
    except ValueError:
        raise ValueError("must be whsec_ and 24 to 64 bytes in base64; two with a comma while it changes") from None


def _store(value: object) -> str:
    if "://" not in str(value):
        raise ValueError("must be sqlite:///PATH or firestore://PROJECT")
    return str(value)


def _redis(value: object) -> str:
    if not re.fullmatch(r"(rediss?|unix)://\S+", str(value).strip()):
        raise ValueError("must be redis://, rediss:// or unix:// and where it is")
    return str(value).strip()


def _secret(value: object) -> str:
    if len(str(value).encode()) < LEAST_SECRET_BYTES:
        raise ValueError(f"must have at least {LEAST_SECRET_BYTES} bytes")
    return str(value)


def _origins(value: object) -> tuple[str, ...]:
    parts = re.split(r"[\s,]+", value.strip()) if isinstance(value, str) else list(value)  # type: ignore[call-overload]
    origins = tuple(part.rstrip("/").lower() for part in parts if part)
    for origin in origins:
        # As browsers write them, or they would never match: a name in other letters is sent as xn--….
        if not re.fullmatch(r"https?://[a-z0-9._:\[\]-]+", origin) or DEFAULT_PORT.search(origin):
            raise ValueError("must be origins such as https://desk.example.com, separated by commas")
    return origins


@dataclass(frozen=True)
class Setting:
    """One row: how a setting is named, read and explained."""

    name: str
    parse: Callable[[object], object]
    default: object
    """``None`` where it follows from other settings; ``shown`` then says how."""
    help: str
    shown: str = ""
    secret: bool = False
    flag: bool = False
    """Whether ``undervoice serve`` takes it as ``--name``."""

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + self.name.upper()

    @property
    def default_text(self) -> str:
        """Its default in words, the same on every machine."""
        return self.shown or str(self.default)


SETTINGS: tuple[Setting, ...] = (
    Setting("host", _text, "127.0.0.1", "address to listen on", flag=True),
    Setting("port", _integer(0, 65_535), 8000, "port to listen on; 0: any free one", flag=True),
    Setting("store", _store, None, "where readings stay: sqlite:///PATH or firestore://PROJECT",
            shown="undervoice.db in the state folder", flag=True),
    Setting("secret", _secret, None, "signs the tokens, at least 32 bytes",
            shown="made once, kept in the state folder", secret=True),
    Setting("origins", _origins, (), "pages of other origins that may use the service, separated by commas",
            shown="none", flag=True),
    Setting("trusted_proxies", _text, "127.0.0.1",
            "addresses of proxies, separated by commas, whose word on a client's address counts"),
    Setting("consent", _choice("auto", "off", "required"), "auto",
            "whether a call must state its consent; auto: required off loopback", flag=True),
    Setting("subjects", _subjects, ("customer",),
            "whose voices may be scored; the agent's only where the law lets you", shown="customer"),
    Setting("model", _text, places.AUTO, "model that scores: accurate, compact, or the path of a folder; "
            "auto: accurate, with compact for provisional readings and under load", flag=True),
    Setting("state", _folder, None, "folder for the secret and the default store",
            shown="~/.local/state/undervoice", flag=True),
    Setting("threads", _integer(1, 256), None, "threads that score", shown="one per core", flag=True),
    Setting("workers", _integer(1, 64), 1, "processes that serve; the threads are shared out among them", flag=True),
    Setting("queue_ms", _integer(50, 60_000), 400, "most work that may wait for scoring, in milliseconds"),
    Setting("max_calls", _integer(1, 100_000), 2000, "calls held at a time"),
    Setting("max_call_sec", _integer(1, 86_400), 14_400, "longest call, in seconds"),
    Setting("max_frame_bytes", _integer(1024, 16_777_216), 262_144, "largest frame of a live call, in bytes"),
    Setting("max_clip_bytes", _integer(1024, 1_073_741_824), 25 * 1024 * 1024, "largest clip, in bytes"),
    Setting("start_sec", _integer(1, 600), 5, "seconds within which a connection must send its start"),
    Setting("idle_sec", _integer(1, 3600), 60, "seconds without any message after which a call is closed"),
    Setting("drain_sec", _integer(0, 600), 15, "seconds that calls get to move elsewhere when the server is stopped"),
    Setting("retention_days", _integer(0, 36_500), 90,
            "days after which calls, readings, alerts and feedback are erased; 0: never"),
    Setting("outbox", _file, None, "file of what the store has not confirmed yet; off: kept in memory only",
            shown="outbox.db in the state folder"),
    Setting("outbox_mb", _integer(1, 1_048_576), 1024, "largest outbox, in megabytes"),
    Setting("outbox_hours", _integer(1, 87_600), 168, "hours after which what was never stored is given up"),
    Setting("fsync", _choice("normal", "full"), "normal",
            "what the outbox survives; normal: the death of the process, full: a power cut too, at a price"),
    Setting("audit", _file, None, "folder of the log of who read or erased what; off: none",
            shown="audit in the state folder"),
    Setting("previous_secret", _secret, None, "secret before the last change: what it signed still holds",
            shown="none", secret=True),
    Setting("jwks", _jwks, None, "keys of your own sign-in (RS256, ES256): a JWKS file or address", shown="none"),
    Setting("issuer", _text, None, "`iss` that tokens signed by those keys must have", shown="any"),
    Setting("audience", _text, "undervoice", "`aud` that every token must have"),
    Setting("revoked", _folder, None, "file of revoked keys and tokens, a `kid` or `jti` a line; changes count at once",
            shown="none"),
    Setting("requests_per_sec", _integer(1, 100_000), 100, "requests a second of one token, and of one address"),
    Setting("upload_mb_per_min", _integer(1, 1_000_000), 1500,
            "megabytes of recordings a minute of one token, and of one address"),
    Setting("rules", _folder, None, "file of alert rules (TOML)", shown="those that are shipped"),
    Setting("webhooks", _webhooks, (), "addresses that alerts are sent to, separated by commas",
            shown="none", secret=True),
    Setting("webhook_secret", _webhook_secret, (), "signs them: `whsec_` and 24 to 64 bytes in base64",
            shown="none", secret=True),
    Setting("webhook_severity", _choice("info", "warning", "critical"), "warning", "least severity that is sent"),
    Setting("webhook_hours", _integer(1, 168), 24, "hours after which an alert that no receiver took is given up"),
    Setting("redis", _redis, None, "Redis by which several servers share live calls and limits: redis://, rediss:// "
            "or unix://", shown="none: each server by itself", secret=True),
    Setting("metrics_token", _secret, None, "bearer token that may read /metrics from other machines",
            shown="none: this machine only", secret=True),
    Setting("min_calls", _integer(1, 1_000_000), 20, "calls that a figure must rest on to be shown"),
    Setting("upset_weight", _integer(0, 1000), UPSET_WEIGHT, "points of priority that an upset voice has at most"),
    Setting("arousal_weight", _integer(0, 1000), AROUSAL_WEIGHT, "points that an excited voice has at most"),
    Setting("words_weight", _integer(0, 1000), WORDS_WEIGHT,
            "points that the hardest words of a transcript add, and the kindest take away"),
    Setting("age_step", _integer(1, 1000), STEP, "points that each newcomer adds to all who wait"),
    Setting("queue_hours", _integer(1, 168), 12, "hours after which a waiting caller is forgotten"),
    Setting("log_level", _choice("debug", "info", "warning", "error"), "info", "how much is logged", flag=True),
    Setting("log_format", _choice("text", "json"), "text",
            "json: a line of JSON an event, with ids of calls, for whoever collects logs", flag=True),
)  # fmt: skip
"""All settings. A row here is a variable, a line of ``undervoice settings`` and of the README."""

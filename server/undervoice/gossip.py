"""What servers of one deployment tell each other: every message between them once, as a tagged struct.

They are made for one version of the service and its neighbours: what a server does not understand it leaves aside.
"""

from __future__ import annotations

import msgspec


class Gossip(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Base of all that is told."""


class Stake(Gossip, frozen=True):
    """What a server holds a call by. Of two that hold one call, all servers agree which gives way."""

    turn: int
    """0: it was started here; else how often it was taken over, as far as the taker knew."""
    at: float
    """When it was taken, seconds since 1970."""

    def beats(self, other: Stake, name: str, other_name: str) -> bool:
        """Whether this is the one that stays: the latest to take over; of those that were started, the first."""
        if self.turn != other.turn:
            return self.turn > other.turn
        if self.at != other.at:
            return (self.at > other.at) == (self.turn > 0)
        return name > other_name


# ------------------------------------------------------------ who lives


class Hello(Gossip, frozen=True, tag=1):
    """I am here, and know nothing: tell me how things stand."""


class Again(Gossip, frozen=True, tag=2):
    """I missed something of yours: tell me how things stand."""


class Standing(Gossip, frozen=True, tag=3):
    """How things stand with me follows, all of it."""

    told: int
    """How much I have told everybody so far."""


class Beat(Gossip, frozen=True, tag=4):
    """I live."""

    told: int
    """How much I have told everybody so far: who has heard less has missed something."""


class Left(Gossip, frozen=True, tag=5):
    """I go."""


class Asked(Gossip, frozen=True, tag=6):
    """A question."""

    number: int
    kind: str
    body: bytes


class Answered(Gossip, frozen=True, tag=7):
    """The answer to a question of yours."""

    number: int
    body: bytes


# ------------------------------------------------------------ calls


class Claimed(Gossip, frozen=True, tag=10):
    """I hold this call."""

    call_id: str
    stake: Stake


class Released(Gossip, frozen=True, tag=11):
    """I do not hold this call any more, and have nothing to tell of it."""

    call_id: str


class Shown(Gossip, frozen=True, tag=12):
    """A call's row on the wall, as JSON: encoded once, for readers everywhere."""

    call_id: str
    stake: Stake
    row: bytes


class Raised(Gossip, frozen=True, tag=13):
    """An alert of a call, as JSON."""

    call_id: str
    alert: bytes


class Ended(Gossip, frozen=True, tag=14):
    """A call ended here."""

    call_id: str
    row: bytes
    moves: bool
    """Whether it is to go on at another server."""


class Rows(Gossip, frozen=True, tag=15):
    """All calls that go on here."""

    items: list[tuple[str, Stake, bytes | None]]
    """Id, stake, and row as JSON, where the wall has one."""


class Erased(Gossip, frozen=True, tag=16):
    """A call was erased: whoever has something of it lets go of it."""

    call_id: str


# ------------------------------------------------------------ shares


class Counted(Gossip, frozen=True, tag=20):
    """How many of something a client has here now, where that changed."""

    items: list[tuple[str, str, int]]
    """Of what, who, and how many."""
    whole: bool = False
    """Whether that is everything: what is not named is 0."""


class Used(Gossip, frozen=True, tag=21):
    """How much of its share a client used here lately."""

    items: list[tuple[str, str, float]]
    """Which share, who, and how much."""


Message = (
    Hello | Again | Standing | Beat | Left | Asked | Answered
    | Claimed | Released | Shown | Raised | Ended | Rows | Erased
    | Counted | Used
)  # fmt: skip

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Message).decode

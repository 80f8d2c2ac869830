"""How servers of one deployment reach each other: small messages, told to all others at once, and no more than that.

What they make of it is soft state (``peers.py``): a server that hears nobody works on by itself. Who carries the
messages is a matter of settings: Redis between machines, a hub between the worker processes of one server.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Protocol

Hear = Callable[[str, bytes], None]
"""Takes who told, and what; on the event loop, in the order in which that server told it."""
Joined = Callable[[], None]
"""Is called whenever the line is there (again), so that its user says hello and tells how things stand."""


class Exchange(Protocol):
    """A line to the other servers of this deployment, as long as there is one."""

    name: str
    """This server's own; no other that lives has it."""
    lost: int
    """Messages that could not be told: the line was down, or took too little."""
    ignored: int
    """Messages that came and were none of this deployment's, or old."""

    @property
    def up(self) -> bool:
        """Whether what is told now reaches those who listen."""

    async def open(self, hear: Hear, joined: Joined) -> None:
        """Join, or go on trying; returns without waiting for the line.

        Args:
            hear: takes each message of another server.
            joined: is called each time the line is there.
        """

    def tell(self, body: bytes, to: str | None = None) -> None:
        """Tell all others, or one of them; never waits, never raises. In order, what is for one and what is for all."""

    async def close(self) -> None:
        """Say what is still to be said, for a moment, and leave."""


class Alone:
    """The exchange of a server that has no others: nothing is told, and nothing is heard."""

    up = True
    lost = ignored = 0

    def __init__(self) -> None:
        self.name = new_name()

    async def open(self, hear: Hear, joined: Joined) -> None:
        """Do nothing: nobody will ever join."""

    def tell(self, body: bytes, to: str | None = None) -> None:
        """Tell nobody."""

    async def close(self) -> None:
        """Do nothing."""


def new_name() -> str:
    """Return a name that no other server has."""
    return secrets.token_hex(16)

"""What the edges share: everything that one running server consists of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from undervoice.audit import AuditLog
from undervoice.auth import Tokens
from undervoice.drain import Drain
from undervoice.everywhere import Everywhere
from undervoice.gathering import Gathering
from undervoice.inference import Inference
from undervoice.limits import Connections
from undervoice.lineup import Lineup
from undervoice.live import LiveCalls
from undervoice.metrics import Metrics
from undervoice.opening import Policy
from undervoice.peers import Peers
from undervoice.rates import Rates, Room
from undervoice.seals import Seals
from undervoice.stages import Stages
from undervoice.store import Store
from undervoice.store.writer import Writer
from undervoice.waiting import WaitingLine
from undervoice.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the operator allows clients."""

    origins: tuple[str, ...] = ()
    """Other sites that may use this server from a browser."""
    start_sec: float = 5.0
    max_clip_bytes: int = 25 * 1024 * 1024
    max_clip_sec: float = 1800.0
    min_calls: int = 20
    """Calls that an aggregate must rest on to count as enough."""
    metrics_token: str | None = field(default=None, repr=False)
    """What lets a scraper in from another machine."""


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """One running server, put together by ``create_app``."""

    policy: Policy
    bounds: Bounds
    tokens: Tokens
    seals: Seals
    lineup: Lineup
    inference: Inference
    store: Store
    writer: Writer
    webhooks: Webhooks
    audit: AuditLog
    live: LiveCalls
    peers: Peers
    everywhere: Everywhere
    drain: Drain
    connections: Connections
    metrics: Metrics
    gathering: Gathering | None
    """The figures of all worker processes, where there are several."""
    stages: Stages
    rates: Rates
    room: Room
    waiting: WaitingLine
    widget_folder: Path
    board_folder: Path

    @property
    def draining(self) -> bool:
        """Whether this server is being stopped."""
        return self.drain.begun

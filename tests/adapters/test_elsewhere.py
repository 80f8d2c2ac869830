"""The calls of other servers on this one's wall: there as long as they may go on, gone when they are lost or erased."""

from __future__ import annotations

import asyncio
import re

import msgspec
import pytest

from tests.adapters.test_envelopes import Wire
from undervoice import elsewhere
from undervoice import gossip as g
from undervoice.live import LiveCalls
from undervoice.peers import GONE_SEC, Peers
from undervoice.wall import LiveCall

STAKE = g.Stake(0, 1.0)
SOON_SEC = 0.05


def row(call_id: str, audio_sec: float = 0.0) -> bytes:
    return msgspec.json.encode(LiveCall(call_id=call_id, audio_sec=audio_sec))


class Wall:
    """A server whose wall is looked at, and the ends of lines at which others are."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(elsewhere, "GONE_SEC", SOON_SEC)
        self.now = 0.0
        self.peers = Peers(Wire(), lambda: self.now)
        self.live = LiveCalls(self.peers)

    def hear(self, name: str, *messages: g.Gossip) -> None:
        for message in messages:
            self.peers.hear(name, b"\x00" + g.encode(message))

    def told(self) -> list[str]:
        """Return kind, call and why it ended of everything that the wall was told."""
        events, _ = self.live.feed.since(0) or (b"", 0)
        found = re.findall(r"event: (\w+)\n.*\ndata: (.*)\n", events.decode())
        return [f"{kind} {(data := msgspec.json.decode(body))['call_id']} {data['reason'] or ''}".strip()
                for kind, body in found]  # fmt: skip

    def shown(self) -> list[str]:
        return [call.call_id for call in self.live.snapshot().items]


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


async def test_the_calls_of_a_server_that_is_silent_are_lost_and_those_that_were_taken_over_are_not(wall: Wall) -> None:
    wall.hear("a", g.Shown("c-1", STAKE, row("c-1")), g.Shown("c-2", STAKE, row("c-2")))
    wall.now = GONE_SEC / 2
    wall.hear("b", g.Claimed("c-1", g.Stake(1, 2.0)))
    wall.now = GONE_SEC + 0.1
    wall.peers.check(wall.now)
    assert wall.told() == ["call c-1", "call c-2", "ended c-2 lost"]
    assert wall.shown() == ["c-1"]
    wall.hear("b", g.Shown("c-1", g.Stake(1, 2.0), row("c-1", 3.0)))
    assert wall.told()[-1] == "mood c-1"


async def test_a_call_that_moves_stays_until_somebody_takes_it_or_nobody_does(wall: Wall) -> None:
    ended = msgspec.json.encode(LiveCall(call_id="c-1", reason="drained"))
    for call_id in ("c-1", "c-2"):
        wall.hear("a", g.Shown(call_id, STAKE, row(call_id)))
        wall.hear("a", g.Ended(call_id, ended, moves=True))
    wall.hear("a", g.Left())
    wall.hear("b", g.Claimed("c-2", g.Stake(1, 2.0)))
    assert wall.shown() == ["c-1", "c-2"]
    await asyncio.sleep(3 * SOON_SEC)
    assert wall.told() == ["call c-1", "call c-2", "ended c-1 drained"]
    assert wall.shown() == ["c-2"]


async def test_the_last_words_of_a_server_that_has_lost_a_call_are_not_heard(wall: Wall) -> None:
    wall.hear("a", g.Shown("c-1", STAKE, row("c-1")))
    wall.hear("b", g.Claimed("c-1", g.Stake(1, 2.0)), g.Shown("c-1", g.Stake(1, 2.0), row("c-1", 5.0)))
    wall.hear("a", g.Shown("c-1", STAKE, row("c-1", 4.0)), g.Raised("c-1", row("c-1")))
    wall.hear("a", g.Ended("c-1", row("c-1"), moves=False), g.Released("c-1"), g.Rows([]))
    await asyncio.sleep(3 * SOON_SEC)
    assert wall.told() == ["call c-1", "mood c-1"]
    assert [call.audio_sec for call in wall.live.snapshot().items] == [5.0]


async def test_what_was_on_its_way_when_a_call_was_erased_is_not_shown(wall: Wall) -> None:
    wall.hear("a", g.Shown("c-1", STAKE, row("c-1", 4.0)))
    await wall.live.expel("c-1")
    wall.hear("a", g.Shown("c-1", STAKE, row("c-1", 5.0)), g.Rows([("c-1", STAKE, row("c-1", 5.0))]))
    assert wall.told() == ["ended c-1 call_erased"], "what was told before is told to nobody any more"
    assert wall.shown() == []


async def test_what_goes_on_at_a_server_that_says_all_again_is_all_that_goes_on_there(wall: Wall) -> None:
    wall.hear("a", *(g.Shown(f"c-{n}", STAKE, row(f"c-{n}")) for n in range(3)))
    wall.hear("a", g.Rows([("c-1", STAKE, row("c-1")), ("c-3", STAKE, row("c-3")), ("c-4", STAKE, None)]))
    await asyncio.sleep(3 * SOON_SEC)
    assert sorted(wall.shown()) == ["c-1", "c-3"]
    assert wall.told()[3:] == ["call c-3", "ended c-0 lost", "ended c-2 lost"]

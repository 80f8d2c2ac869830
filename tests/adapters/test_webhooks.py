"""Alerts reach their receivers, once and signed, whatever receivers, disks and servers do."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
import stat
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.receiver import Receivers
from tests.faults.instances import Instance
from tests.servers import of_type, opening, said
from tests.store.records import alert
from tests.voices import sentence
from undervoice import receivers as receiving
from undervoice import turns
from undervoice.errors import BadSettings, StoreDown
from undervoice.postbox import Letter
from undervoice.receivers import Fate, Receiver, Reply
from undervoice.resources import LoggedAlert
from undervoice.settings import load_settings
from undervoice.signatures import message_id, signed_headers, signing_key
from undervoice.turns import LONGEST_WISH_SEC, verdict, wish_sec
from undervoice.webhooks import ATTEMPT_SEC, Webhooks

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receivers]:
    running = Receivers(tmp_path_factory.mktemp("receivers"))
    yield running
    running.stop()


@pytest.fixture
def receivers(process: Receivers) -> Receivers:
    """Receivers that have been sent nothing yet."""
    return process.anew()


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a tenth of what is waited otherwise."""
    monkeypatch.setattr(turns, "FIRST_RETRY_SEC", 0.1)
    monkeypatch.setattr(turns, "LAST_RETRY_SEC", 0.4)


@asynccontextmanager
async def sending(path: Path, *urls: str, **options: Any) -> AsyncIterator[Webhooks]:
    async def is_erased(call_id: str) -> bool:
        return call_id.startswith("erased")

    chosen: dict[str, Any] = {"least": "warning", "limit_sec": 3600.0, "is_erased": is_erased}
    webhooks = Webhooks(urls, [signing_key(SECRET)], path / "webhooks.db", **chosen | options)
    await webhooks.open()
    try:
        yield webhooks
    finally:
        await webhooks.close()


async def eventually(holds: Callable[[], bool], within_sec: float = 10.0) -> float:
    """Wait until something holds; return how long that took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < within_sec
        await asyncio.sleep(0.01)
    return time.monotonic() - began


def ids(*alerts: LoggedAlert) -> list[str]:
    return [one.alert_id for one in alerts]


ALERTS = [alert(offset_sec=float(n)) for n in range(20)]


# ---------------------------------------------------------------- what is sent


async def test_an_alert_is_posted_as_json_that_the_readmes_receiver_believes(
    receivers: Receivers, tmp_path: Path
) -> None:
    async with sending(tmp_path, receivers.url()) as webhooks:
        await webhooks.keep([alert(call_id="c-1"), alert("recovered", severity="info")])
        await eventually(lambda: webhooks.delivered == 1)
    (request,) = receivers.requests()
    assert json.loads(request["body"])["type"] == "alert.raised"
    data = json.loads(request["body"])["data"]
    assert (data["call_id"], data["rule"], data["severity"]) == ("c-1", "sustained_upset", "warning")
    assert request["headers"]["content-type"] == "application/json"
    assert request["headers"]["webhook-id"] == message_id(data["alert_id"])
    verified = readmes_receiver()
    body = request["body"].encode()
    assert verified(SECRET, request["headers"], body)
    assert not verified(SECRET, request["headers"], body.replace(b"c-1", b"c-2"))
    assert not verified("whsec_" + "A" * 32, request["headers"], body)
    assert not verified(SECRET, request["headers"] | {"webhook-timestamp": "1614265330"}, body)


def readmes_receiver() -> Callable[..., bool]:
    """Return the function that the README gives to receivers."""
    (code,) = re.findall(r"```python\n(import base64.*?)```", README.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    verified: Callable[..., bool] = names["verified"]
    return verified


def test_a_signature_is_that_of_the_specifications_example() -> None:
    identity, body = "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}'
    headers = signed_headers([signing_key(SECRET)], identity, 1_614_265_330, body)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_changes_both_vouch_for_an_alert() -> None:
    older, newer = signing_key(SECRET), b"n" * 32
    both = signed_headers([newer, older], "x", 1, b"{}")["webhook-signature"].split()
    alone = [signed_headers([key], "x", 1, b"{}")["webhook-signature"] for key in (newer, older)]
    assert both == alone


@pytest.mark.parametrize(
    "bad", ["", "whsec_", SECRET[6:], "whsec_c2hvcnQ=", "whsec_" + "A" * 92, "whsec_ä", SECRET + "!"]
)
def test_what_is_no_secret_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="no "):
        signing_key(bad)


@pytest.mark.parametrize("bad", ["http://desk.example/hook", "ftp://x", "https://", "desk.example", "https://x/#part"])
def test_what_is_no_address_is_refused_without_telling_it(bad: str) -> None:
    with pytest.raises(BadSettings, match="UNDERVOICE_WEBHOOKS must be https://") as refused:
        load_settings({"UNDERVOICE_WEBHOOKS": f"https://ok.example, {bad}", "UNDERVOICE_WEBHOOK_SECRET": SECRET})
    assert "ok.example" not in str(refused.value)


def test_addresses_need_a_secret() -> None:
    with pytest.raises(BadSettings, match="UNDERVOICE_WEBHOOKS needs UNDERVOICE_WEBHOOK_SECRET"):
        load_settings({"UNDERVOICE_WEBHOOKS": "https://desk.example/hook"})
    near = load_settings({"UNDERVOICE_WEBHOOKS": "http://127.0.0.1:1/a", "UNDERVOICE_WEBHOOK_SECRET": SECRET})
    assert near.webhook_secret == (signing_key(SECRET),)
    assert SECRET not in repr(near)


# ---------------------------------------------------------------- receivers that fail


async def test_what_failed_is_sent_again_in_the_order_of_its_call(receivers: Receivers, tmp_path: Path) -> None:
    receivers.answer("503")
    async with sending(tmp_path, receivers.url()) as webhooks:
        await webhooks.keep(ALERTS[:5])
        await eventually(lambda: webhooks.failed >= 4)
        assert webhooks.down == 1
        assert set(receivers.alerts()) == {ALERTS[0].alert_id}
        receivers.answer("200")
        await eventually(lambda: webhooks.waiting == 0)
        assert (webhooks.delivered, webhooks.given_up, webhooks.down) == (5, 0, 0)
    assert list(dict.fromkeys(receivers.alerts())) == ids(*ALERTS[:5])
    assert len({request["headers"]["webhook-id"] for request in receivers.requests()}) == 5


@pytest.mark.parametrize("mode", ["cut", "408", "500", "429"])
async def test_whatever_may_pass_is_tried_again(receivers: Receivers, tmp_path: Path, mode: str) -> None:
    receivers.answer(mode)
    async with sending(tmp_path, receivers.url()) as webhooks:
        await webhooks.keep(ALERTS[:1])
        await eventually(lambda: webhooks.failed >= 2)
        receivers.answer("204")
        await eventually(lambda: webhooks.delivered == 1)


@pytest.mark.parametrize("mode", ["400", "401", "404", "301", "307"])
async def test_what_is_refused_is_not_tried_again_and_the_next_alert_is_sent(
    receivers: Receivers, tmp_path: Path, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    receivers.answer(mode)
    async with sending(tmp_path, receivers.url()) as webhooks:
        await webhooks.keep(ALERTS[:3])
        await eventually(lambda: webhooks.given_up == 3)
    assert receivers.alerts() == ids(*ALERTS[:3])
    assert receivers.requests("elsewhere") == []
    assert f"webhook 1 refused an alert: status {mode}" in caplog.text
    assert str(receivers.port) not in "".join(r.getMessage() for r in caplog.records if r.name.startswith("undervoice"))


async def test_one_that_is_gone_gets_nothing_any_more(receivers: Receivers, tmp_path: Path) -> None:
    receivers.answer("410")
    async with sending(tmp_path, receivers.url(), receivers.url("b")) as webhooks:
        await webhooks.keep(ALERTS[:3])
        await eventually(lambda: webhooks.waiting == 0)
        await webhooks.keep(ALERTS[3:5])
        await eventually(lambda: webhooks.delivered == 5)
        assert (webhooks.given_up, webhooks.down) == (3, 1)
    assert receivers.alerts() == ids(ALERTS[0])
    assert receivers.alerts("b") == ids(*ALERTS[:5])


async def test_a_receiver_is_left_alone_for_as_long_as_it_asks(receivers: Receivers, tmp_path: Path) -> None:
    receivers.answer("429 retry=1")
    async with sending(tmp_path, receivers.url()) as webhooks:
        await webhooks.keep(ALERTS[:1])
        await eventually(lambda: webhooks.failed == 1)
        receivers.answer("200")
        await webhooks.keep([alert(call_id="c-2")])
        await eventually(lambda: webhooks.delivered == 2)
    first, *later = (request["at"] for request in receivers.requests())
    assert min(later) - first >= 1.0


async def test_a_slow_a_hanging_and_a_dead_receiver_delay_no_other(receivers: Receivers, tmp_path: Path) -> None:
    for name, mode in (("slow", "slow=1"), ("hang", "hang"), ("drip", "drip"), ("cut", "cut")):
        receivers.answer(mode, name)
    names = ("slow", "hang", "drip", "cut", "well")
    async with sending(tmp_path, *map(receivers.url, names), "http://127.0.0.1:1/") as webhooks:
        for number in range(5):
            many = [alert(call_id=f"c-{number}-{n}") for n in range(20)]
            began = time.monotonic()
            await webhooks.keep(many)
            assert time.monotonic() - began < 0.5
            last = many[-1].alert_id
            took_sec = await eventually(lambda last=last: last in receivers.alerts("well"))  # type: ignore[misc]
            assert took_sec < ATTEMPT_SEC / 2, "nobody waited for those that hang"
        await eventually(lambda: len(receivers.alerts("drip")) > 8)  # an endless answer is no answer's end
        await eventually(lambda: len(receivers.alerts("well")) == 100)


async def test_an_alert_that_a_receiver_cannot_stomach_holds_up_no_other_call(
    receivers: Receivers, tmp_path: Path
) -> None:
    receivers.answer("poison=c-bad")
    async with sending(tmp_path, receivers.url()) as webhooks:
        await webhooks.keep([alert(call_id="c-bad")])
        for number in range(10):
            one = alert(call_id=f"c-{number}")
            await webhooks.keep([one])
            assert await eventually(lambda one=one: one.alert_id in receivers.alerts()) < 1.0  # type: ignore[misc]
            await asyncio.sleep(0.05)
        assert webhooks.waiting == 1


async def test_a_receiver_that_was_restarted_gets_what_came_meanwhile(receivers: Receivers, tmp_path: Path) -> None:
    async with sending(tmp_path, receivers.url()) as webhooks:
        await webhooks.keep(ALERTS[:2])
        await eventually(lambda: webhooks.delivered == 2)
        receivers.stop()
        await webhooks.keep(ALERTS[2:8])
        await webhooks.keep([alert(call_id=f"c-{n}") for n in range(40)])
        await eventually(lambda: webhooks.failed >= 44)
        receivers.start()
        await eventually(lambda: webhooks.waiting == 0)
    got = receivers.alerts()
    assert len(set(got)) == 48
    mine = [one for one in got if one in ids(*ALERTS)]
    assert list(dict.fromkeys(mine)) == ids(*ALERTS[:8])


async def test_while_a_receiver_is_down_it_is_asked_by_one_alert_at_a_time(
    receivers: Receivers, tmp_path: Path
) -> None:
    receivers.answer("503")
    async with sending(tmp_path, receivers.url()) as webhooks:
        await webhooks.keep([alert(call_id=f"c-{n}") for n in range(60)])
        await eventually(lambda: webhooks.failed >= 60)
        before, began = webhooks.failed, time.monotonic()
        await asyncio.sleep(2.0)
        most = 1 + (time.monotonic() - began) / (turns.LAST_RETRY_SEC / 2)
        assert 1 <= webhooks.failed - before <= most


STATUSES = st.sampled_from([200, 200, 200, 0, 500, 429, 400])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.lists(STATUSES, max_size=3)), max_size=25))
def test_whatever_a_receiver_answers_each_alert_arrives_once_and_in_its_calls_order(
    plan: list[tuple[int, list[int]]],
) -> None:
    asyncio.run(_deliver(plan))


async def _deliver(plan: list[tuple[int, list[int]]]) -> None:
    answers = {f"{n}": list(statuses) for n, (_, statuses) in enumerate(plan)}
    arrived, fates = list[Letter](), dict[str, Fate]()

    async def post(letter: Letter) -> Reply:
        await asyncio.sleep(0)
        status = answers[letter.alert_id].pop(0) if answers[letter.alert_id] else 200
        arrived.extend([letter] if status == 200 else [])
        return Reply(status)

    async def settled(letter: Letter, fate: Fate) -> None:
        assert letter.alert_id not in fates
        fates[letter.alert_id] = fate

    async def is_erased(call_id: str) -> bool:
        return False

    receiver = Receiver("webhook 1", post, settled, is_erased, 60.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turns, "FIRST_RETRY_SEC", 0.001)
        patch.setattr(turns, "LAST_RETRY_SEC", 0.002)
        for number, (call, _) in enumerate(plan):
            receiver.take(Letter("r", f"c-{call}", f"{number}", time.time(), b""), fresh=number % 3 > 0)
        async with asyncio.timeout(10):
            await eventually(lambda: len(fates) == len(plan))
    assert receiver.waiting == 0
    for call in range(5):
        got = [int(letter.alert_id) for letter in arrived if letter.call_id == f"c-{call}"]
        assert got == sorted(set(got))
    assert {letter.alert_id for letter in arrived} == {key for key, fate in fates.items() if fate == "delivered"}
    refused = {f"{n}" for n, (_, statuses) in enumerate(plan) if _first(statuses) == 400}
    assert {key for key, fate in fates.items() if fate == "given up"} == refused


def _first(statuses: list[int]) -> int:
    """Return the first answer that settles a letter."""
    return next((status for status in statuses if status in (200, 400)), 200)


@pytest.mark.parametrize(
    ("status", "meant"),
    [(200, "done"), (204, "done"), (301, "refused"), (400, "refused"), (408, "again"), (410, "gone"), (429, "again"),
     (500, "again"), (503, "again"), (0, "again")],
)  # fmt: skip
def test_what_a_status_means(status: int, meant: str) -> None:
    assert verdict(status) == meant


@given(st.one_of(st.none(), st.text(max_size=40)))
def test_whatever_retry_after_says_it_is_a_bounded_time(text: str | None) -> None:
    assert 0.0 <= wish_sec(text, time.time()) <= LONGEST_WISH_SEC


def test_retry_after_is_seconds_or_a_date() -> None:
    assert wish_sec("7", 0.0) == 7.0
    assert wish_sec("Thu, 01 Jan 1970 00:02:00 GMT", 60.0) == 60.0
    assert wish_sec("99999", 0.0) == LONGEST_WISH_SEC


# ---------------------------------------------------------------- what does not last


async def test_past_its_time_an_alert_is_given_up(receivers: Receivers, tmp_path: Path) -> None:
    receivers.answer("503")
    async with sending(tmp_path, receivers.url(), limit_sec=0.5) as webhooks:
        await webhooks.keep(ALERTS[:2])
        await eventually(lambda: webhooks.given_up == 2)
        assert webhooks.waiting == 0
    assert rows(tmp_path) == 0


async def test_an_erased_calls_alerts_are_dropped_from_memory_and_disk(receivers: Receivers, tmp_path: Path) -> None:
    receivers.answer("503")
    async with sending(tmp_path, receivers.url()) as webhooks:
        await webhooks.keep([*ALERTS[:3], alert(call_id="c-2")])
        assert rows(tmp_path) == 4
        await webhooks.erase("c-1")
        assert rows(tmp_path) == 1
        assert b"c-1" not in contents(tmp_path)
        receivers.answer("200")
        await webhooks.keep(ALERTS[3:4])
        await eventually(lambda: webhooks.delivered == 1)
        before = len(receivers.requests())
        await asyncio.sleep(0.3)
        assert (webhooks.waiting, len(receivers.requests())) == (0, before)
    assert receivers.alerts()[-1] == alert(call_id="c-2").alert_id


async def test_what_another_server_erased_is_not_sent(receivers: Receivers, tmp_path: Path) -> None:
    async with sending(tmp_path, receivers.url()) as webhooks:
        await webhooks.keep([alert(call_id="erased-1"), alert(call_id="c-2")])
        await eventually(lambda: webhooks.waiting == 0)
    assert receivers.alerts() == ids(alert(call_id="c-2"))
    assert rows(tmp_path) == 0


async def test_a_store_that_is_down_keeps_no_alert_from_going_out(receivers: Receivers, tmp_path: Path) -> None:
    async def down(call_id: str) -> bool:
        raise StoreDown("down")

    async def hangs(call_id: str) -> bool:
        await asyncio.sleep(3600)
        return True

    for number, is_erased in enumerate((down, hangs)):
        async with sending(tmp_path, receivers.url(), is_erased=is_erased) as webhooks:
            began = time.monotonic()
            await webhooks.keep([ALERTS[number]])
            await eventually(lambda webhooks=webhooks: webhooks.delivered == 1)  # type: ignore[misc]
            assert time.monotonic() - began < 1.0


async def test_an_alert_that_is_raised_again_is_sent_once(receivers: Receivers, tmp_path: Path) -> None:
    async with sending(tmp_path, receivers.url()) as webhooks:
        for _ in range(3):
            await webhooks.keep(ALERTS[:1])
        await eventually(lambda: webhooks.delivered == 1)
    assert len(receivers.requests()) == 1


async def test_when_too_many_wait_the_oldest_go(
    receivers: Receivers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "MOST_WAITING", 10)
    receivers.answer("503")
    async with sending(tmp_path, receivers.url()) as webhooks:
        await webhooks.keep(ALERTS)
        assert (webhooks.waiting, webhooks.given_up, rows(tmp_path)) == (10, 10, 10)
        receivers.answer("200")
        await eventually(lambda: webhooks.waiting == 0)
    assert receivers.alerts()[-10:] == ids(*ALERTS[10:])


# ---------------------------------------------------------------- disks and restarts


def names(folder: Path, pattern: str) -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("webhooks*"))


def rows(folder: Path) -> int:
    """Return how many alerts are written down; the file is locked while its server runs."""
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for path in folder.glob("webhooks*.db*"):
        (copy / path.name).write_bytes(path.read_bytes())
    with closing(sqlite3.connect(copy / "webhooks.db")) as db:
        count: int = db.execute("SELECT count(*) FROM records").fetchone()[0]
    return count


async def test_what_one_server_could_not_deliver_the_next_one_does(receivers: Receivers, tmp_path: Path) -> None:
    receivers.answer("503")
    async with sending(tmp_path, receivers.url()) as webhooks:
        await webhooks.keep(ALERTS[:4])
        await eventually(lambda: webhooks.failed >= 1)
        file = tmp_path / "webhooks.db"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert str(receivers.port).encode() not in contents(tmp_path)
    receivers.answer("200")
    async with sending(tmp_path, receivers.url()) as webhooks:
        await eventually(lambda: webhooks.delivered == 4)
    assert receivers.alerts()[-4:] == ids(*ALERTS[:4])
    assert rows(tmp_path) == 0
    async with sending(tmp_path, receivers.url()) as webhooks:
        assert webhooks.waiting == 0


@pytest.mark.parametrize("others", [("b",), ()])
async def test_what_is_for_nobody_any_more_is_given_up(
    receivers: Receivers, tmp_path: Path, others: tuple[str, ...]
) -> None:
    receivers.answer("503")
    async with sending(tmp_path, receivers.url(), receivers.url("b")) as webhooks:
        await webhooks.keep(ALERTS[:2])
        await eventually(lambda: webhooks.delivered == 2)
    async with sending(tmp_path, *map(receivers.url, others)) as webhooks:
        assert (webhooks.given_up, webhooks.waiting) == (2, 0)
    assert rows(tmp_path) == 0


async def test_servers_that_share_a_folder_have_a_file_each_and_leave_nothing_behind(
    receivers: Receivers, tmp_path: Path
) -> None:
    receivers.answer("503")
    async with sending(tmp_path, receivers.url()) as first, sending(tmp_path, receivers.url()) as second:
        await first.keep(ALERTS[:1])
        await second.keep(ALERTS[1:2])
    assert names(tmp_path, "webhooks*.db") == ["webhooks-1.db", "webhooks.db"]
    receivers.answer("200")
    async with sending(tmp_path, receivers.url()) as webhooks:
        await eventually(lambda: webhooks.delivered == 2)


async def test_a_disk_that_takes_nothing_holds_no_alert_back(
    receivers: Receivers, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "no-folder").write_text("")
    async with sending(tmp_path / "no-folder", receivers.url()) as webhooks:
        await webhooks.keep(ALERTS[:3])
        await eventually(lambda: webhooks.delivered == 3)
        assert webhooks.unkept == 3
    assert caplog.text.count("they live in memory only") == 1


async def test_a_corrupt_file_is_set_aside(receivers: Receivers, tmp_path: Path) -> None:
    (tmp_path / "webhooks.db").write_bytes(b"no database at all" * 1000)
    async with sending(tmp_path, receivers.url()) as webhooks:
        await webhooks.keep(ALERTS[:1])
        await eventually(lambda: webhooks.delivered == 1)
        assert webhooks.unkept == 0
    assert len(names(tmp_path, "webhooks.db.corrupt-*")) == 1


async def test_without_addresses_nothing_is_made(tmp_path: Path) -> None:
    async with sending(tmp_path) as webhooks:
        await webhooks.keep(ALERTS)
        await webhooks.erase("c-1")
        assert webhooks.waiting == 0
    assert names(tmp_path, "*") == []


# ---------------------------------------------------------------- the whole way

RULE = '[first]\nseverity = "critical"\nmessage = "Somebody spoke."\nwhen = { state = "calm" }\n'
SPEECH = sentence(0.4, 3.0, 1.0).tobytes()


@pytest.fixture
def instance(tmp_path: Path, tiny: Path, receivers: Receivers) -> Iterator[Instance]:
    """A server whose first final reading raises an alert."""
    rules = tmp_path / "own.toml"
    rules.write_text(RULE)
    running = Instance(
        tmp_path / "state", tiny, rules=str(rules), webhooks=receivers.url(), webhook_secret=SECRET, log_level="debug"
    )
    yield running.start()
    running.close()


async def test_an_alert_is_delivered_within_a_second_and_tells_no_log_where(
    instance: Instance, receivers: Receivers
) -> None:
    raised: list[float] = []
    for number in range(5):
        raised.append(until_alert(instance, f"c-{number}"))
        await eventually(lambda number=number: len(receivers.requests()) > number)  # type: ignore[misc]
    late = [request["at"] - at for request, at in zip(receivers.requests(), raised, strict=True)]
    assert max(late) < 1.0
    figures = instance.metrics()
    assert figures["undervoice_webhooks_delivered_total"] == 5
    assert figures["undervoice_webhooks_waiting"] == figures["undervoice_webhooks_given_up_total"] == 0
    assert f":{receivers.port}" not in instance.log


def until_alert(instance: Instance, call_id: str) -> float:
    """Speak until an alert is raised, and hang up; return when the agent saw it, seconds since the epoch."""
    from websockets.sync.client import connect

    where = instance.server
    headers = {"Authorization": f"Bearer {where.token}"}
    with connect(where.url, additional_headers=headers, subprotocols=["undervoice.v1"]) as ws:  # type: ignore[list-item]
        ws.send(opening(call_id))
        ws.send(SPEECH)
        (seen,) = of_type(said(ws, "alert"), "alert")
        assert seen["rule"] == "first"
        return time.time()


def test_an_alert_that_an_agent_has_seen_is_delivered_after_a_kill(instance: Instance, receivers: Receivers) -> None:
    receivers.answer("hang")
    seen = {f"c-{number}" for number in range(3) if until_alert(instance, f"c-{number}")}
    instance.kill()
    receivers.answer("200")
    instance.start()
    until = time.monotonic() + 10
    while len(answered(receivers)) < 3:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert answered(receivers) == seen
    sent = {request["headers"]["webhook-id"] for request in receivers.requests()}
    assert len(sent) == 3, "what is sent again is sent under the same id"


def answered(receivers: Receivers) -> set[str]:
    """Return the calls of which an alert was taken."""
    taken = [request for request in receivers.requests() if request["mode"].startswith("200")]
    return {json.loads(request["body"])["data"]["call_id"] for request in taken}


def test_erasing_a_call_drops_its_alerts(instance: Instance, receivers: Receivers) -> None:
    receivers.answer("503")
    until_alert(instance, "c-kept")
    until_alert(instance, "c-gone")
    with instance.http() as http:
        assert http.delete("/api/v1/calls/c-gone").status_code == 204
    assert instance.metrics()["undervoice_webhooks_waiting"] == 1
    receivers.answer("200")
    until = time.monotonic() + 10
    while instance.metrics()["undervoice_webhooks_waiting"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert answered(receivers) == {"c-kept"}


def test_rules_that_are_wrong_stop_the_start(tmp_path: Path, tiny: Path) -> None:
    rules = tmp_path / "own.toml"
    rules.write_text(RULE.replace("severity", "sevrity"))
    wrong = Instance(tmp_path / "state", tiny, rules=str(rules))
    with pytest.raises(AssertionError):
        wrong.start()
    wrong.close()
    assert wrong.log == f"undervoice serve: {rules}: rule first: has the unknown key `sevrity`\n"

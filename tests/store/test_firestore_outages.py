"""Firestore when nobody answers: bounded in time, and counting once afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.emulator import PROJECT, Emulator, free_port
from tests.store.records import alert, segment, word
from undervoice.errors import StoreDown
from undervoice.store import LogQuery, MetricsQuery, Record, dial, link
from undervoice.store.firestore import FirestoreStore

BOUND_SEC = 5.5
"""What a verb may take when nobody answers, and a little for a busy machine."""


@pytest.fixture
async def store(clean_emulator: str) -> AsyncIterator[FirestoreStore]:
    opened = FirestoreStore(PROJECT)
    yield opened
    await opened.close()


@pytest.fixture
def frozen(firestore_process: Emulator) -> Iterator[Emulator]:
    if firestore_process.process is None:
        pytest.skip("the emulator belongs to somebody else")
    yield firestore_process
    firestore_process.thaw()


@pytest.mark.emulator
async def test_a_frozen_database_is_down_within_bounds_and_counts_once_afterwards(
    store: FirestoreStore, frozen: Emulator
) -> None:
    await store.save([segment(0)])
    records: list[Record] = [segment(n) for n in range(50)]
    frozen.freeze()
    await all_down(store.save(records), store.logs(LogQuery()), store.call("c-1"), store.ping())
    frozen.thaw()
    # What was sent to the frozen process may still take effect: before, after or during this.
    await until_saved(store, records)
    (row,) = await store.metrics(MetricsQuery())
    assert row.total_segments == len(await store.segments("c-1")) == 50


async def until_saved(store: FirestoreStore, records: list[Record]) -> None:
    for _ in range(10):
        try:
            return await store.save(records)
        except StoreDown:
            await asyncio.sleep(0.2)
    raise AssertionError("the store did not come back")


@pytest.mark.emulator
async def test_every_verb_has_an_outer_bound(store: FirestoreStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as hasty:
        hasty.setattr(link, "VERB_SEC", 0)
        await all_down(store.save([segment()]), store.logs(LogQuery()), store.metrics(MetricsQuery()), store.ping())
    await store.save([segment()])


@pytest.mark.emulator
async def test_a_refused_port_is_down_within_bounds_and_the_store_recovers(
    clean_emulator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{port}")
    store = FirestoreStore(PROJECT)
    await all_down(store.save([segment(), alert(), word()]), store.segments("c-1"), store.ping())
    async with relay(port, clean_emulator):
        await until_saved(store, [segment()])
        assert len(await store.segments("c-1")) == 1
        await store.close()


async def all_down(*verbs: Coroutine[Any, Any, object]) -> None:
    """Check that each raises ``StoreDown``, and soon."""
    began = time.monotonic()
    outcomes = await asyncio.gather(*verbs, return_exceptions=True)
    assert time.monotonic() - began < BOUND_SEC
    for outcome in outcomes:
        assert isinstance(outcome, StoreDown)
        assert outcome.message.startswith(f"store firestore://{PROJECT}: ")


@asynccontextmanager
async def relay(port: int, address: str) -> AsyncIterator[None]:
    """Make a port answer that nobody answered before."""
    host, real = address.rsplit(":", 1)
    pairs: set[asyncio.Task[Any]] = set()

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pairs.add(asyncio.current_task())  # type: ignore[arg-type]
        there_reader, there_writer = await asyncio.open_connection(host, int(real))
        try:
            await asyncio.gather(carry(reader, there_writer), carry(there_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            there_writer.transport.abort()

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    yield
    server.close()
    for pair in pairs:
        pair.cancel()
    await asyncio.gather(*pairs)


@pytest.mark.parametrize("emulator", ["127.0.0.1:1", None])
async def test_after_an_outage_it_connects_again_soon(emulator: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left to itself, gRPC would wait for up to two minutes."""
    pytest.importorskip("google.cloud.firestore")
    import google.auth
    import grpc
    from google.auth.credentials import AnonymousCredentials

    monkeypatch.setattr(google.auth, "default", lambda **_: (AnonymousCredentials(), PROJECT))
    if emulator:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator)
    else:
        monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    given: list[tuple[str, Any]] = []
    for name in ("insecure_channel", "secure_channel"):
        real = getattr(grpc.aio, name)

        def channel(*args: Any, real: Callable[..., Any] = real, options: Any = (), **others: Any) -> Any:
            given.extend(options)
            return real(*args, options=options, **others)

        monkeypatch.setattr(grpc.aio, name, channel)
    client = dial.dial(PROJECT)
    await client._firestore_api.transport.close()
    assert set(dial.OPTIONS) <= set(given)
    assert ("grpc.max_receive_message_length", -1) in given


async def test_missing_credentials_are_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("google.cloud.firestore")
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    store = FirestoreStore(PROJECT)
    with pytest.raises(StoreDown, match="no credentials") as caught:
        await store.save([segment()])
    assert "\n" not in caught.value.message
    await store.close()

"""What is kept for a lost connection: whatever happened, and wherever the call goes on, nothing is missing or twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from undervoice.audio import AudioFormat
from undervoice.cli.kept import Event, Kept, Sent
from undervoice.cli.retry import LONGEST_SEC, SOON_SEC, Backoff
from undervoice.emotion import GRID, SAMPLE_RATE
from undervoice.messages import Discarded, Flush, Pause, ResumeAudio, Stop

FORMATS = st.sampled_from(
    [
        AudioFormat("mulaw", 8_000),
        AudioFormat("pcm_s16le", 16_000),
        AudioFormat("pcm_s16le", 44_100, ("customer", "agent")),
    ]
)
AGES_SEC = 3600
"""More than any of these calls lasts, so that nothing becomes too old to keep."""
SAID: tuple[Event, ...] = (Pause(), ResumeAudio(), Flush())
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(0, 6_000)),  # bytes
        st.tuples(st.just("discard"), st.integers(1, 400)),  # blocks of 10 ms
        st.tuples(st.just("note"), st.integers(0, len(SAID) - 1)),
    ),
    max_size=40,
)
Heard = list[tuple[int, bytes | None]]
"""What a server knows of the call: each 10 ms of it, and where it stands; ``None`` for what it was not given."""


class Ear:
    """Takes what is sent as a server does, from a place on."""

    def __init__(self, audio: AudioFormat, sample: int = 0) -> None:
        self._size = audio.block * audio.frame_bytes
        self._sample, self._carry = sample, b""
        self.heard: Heard = []
        self.said: list[tuple[int, Event]] = []

    @property
    def rest(self) -> bytes:
        return self._carry

    def take(self, sent: Iterable[Sent]) -> Ear:
        for one in sent:
            if isinstance(one, Discarded):
                self._blocks([None] * (one.samples // GRID))
            elif isinstance(one, bytes):
                data = self._carry + one
                whole = len(data) - len(data) % self._size
                self._carry = data[whole:]
                self._blocks([data[at : at + self._size] for at in range(0, whole, self._size)])
            else:
                self.said.append((self._sample, one))
        return self

    def _blocks(self, blocks: Iterable[bytes | None]) -> None:
        for block in blocks:
            self.heard.append((self._sample, block))
            self._sample += GRID


def happen(kept: Kept, deed: tuple[str, int], byte: Iterator[int]) -> None:
    """Let one thing happen in a call; no two bytes of its audio in a row are alike."""
    name, size = deed
    if name == "take":
        kept.take(bytes(next(byte) % 251 for _ in range(size)))
    elif name == "discard":
        kept.discard(size * GRID)
    else:
        kept.note(SAID[size])


def after(audio: AudioFormat, deeds: list[tuple[str, int]]) -> Kept:
    """Return the log of a call that took this course to its end."""
    kept, byte = Kept(audio, AGES_SEC), count()
    for deed in deeds:
        happen(kept, deed, byte)
    kept.note(Stop())
    return kept


def read(kept: Kept, number: int = 0) -> list[Sent]:
    sent: list[Sent] = []
    while (found := kept.read(number)) is not None:
        number = found[0]
        sent.append(found[1])
    return sent


@given(FORMATS, DEEDS, st.data())
def test_what_is_sent_again_from_any_checkpoint_continues_what_was_heard_up_to_it(
    audio: AudioFormat, deeds: list[tuple[str, int]], data: st.DataObject
) -> None:
    kept = after(audio, deeds)
    first = Ear(audio).take(read(kept))
    at = 0
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(at // GRID, kept.position // GRID)) * GRID
        kept.forget(at)
        again = Ear(audio, at).take(read(kept, kept.rewind(at)))
        assert again.heard == [block for block in first.heard if block[0] >= at]
        assert again.said == [event for event in first.said if event[0] >= at]
        assert again.rest == first.rest
    assert kept.lost == 0


@given(FORMATS, DEEDS, st.data())
def test_a_reader_that_comes_back_for_more_gets_everything_once(
    audio: AudioFormat, deeds: list[tuple[str, int]], data: st.DataObject
) -> None:
    kept, ear, number, byte = Kept(audio, AGES_SEC), Ear(audio), 0, count()
    for deed in deeds:
        happen(kept, deed, byte)
        while data.draw(st.booleans()) and (found := kept.read(number)) is not None:
            number = found[0]
            ear.take([found[1]])
        kept.forget(data.draw(st.integers(0, len(ear.heard))) * GRID)
    kept.note(Stop())
    ear.take(read(kept, number))
    undisturbed = Ear(audio).take(read(after(audio, deeds)))
    assert (ear.heard, ear.said, ear.rest) == (undisturbed.heard, undisturbed.said, undisturbed.rest)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=60), st.integers(10, 400), st.data())
def test_no_more_than_the_newest_is_kept_and_the_rest_is_told_as_discarded(
    frames: list[int], most: int, data: st.DataObject
) -> None:
    audio = AudioFormat()
    kept = Kept(audio, most * GRID / SAMPLE_RATE)
    for blocks in frames:
        kept.take(bytes(blocks * GRID * 2))
        assert kept.kept <= most * GRID
        assert kept.position - kept.kept == 0 or kept.kept > (most - blocks - 300) * GRID
    at = data.draw(st.integers(0, kept.position // GRID)) * GRID
    for _ in range(2):  # what is lost is counted once, however often it is told
        ear = Ear(audio, at).take(read(kept, kept.rewind(at)))
        gone = [place for place, block in ear.heard if block is None]
        assert [place for place, _ in ear.heard] == list(range(at, kept.position, GRID))
        assert gone == list(range(at, at + len(gone) * GRID, GRID))
        assert kept.lost == len(gone) * GRID


def test_a_server_that_goes_on_from_before_its_checkpoint_is_told_of_the_gap() -> None:
    kept = Kept(AudioFormat())
    kept.take(bytes(16_000 * 2))
    kept.forget(8_000)
    sent = read(kept, kept.rewind(3_200))
    assert sent[0] == Discarded(4_800)
    assert sent[1:] == [bytes(8_000 * 2)]
    assert kept.lost == 4_800


# ---------------------------------------------------------------- when to try again


@given(st.lists(st.floats(0, 0.999), min_size=30, max_size=30))
def test_tries_come_soon_at_first_then_less_and_less_often_and_at_last_no_more(draws: list[float]) -> None:
    spread = iter(draws)
    backoff = Backoff(100, lambda: next(spread))
    now, waits = 0.0, []
    while (wait := backoff.wait(now)) is not None:
        waits.append(wait)
        now += wait
    assert waits[0] <= SOON_SEC
    assert max(waits) <= LONGEST_SEC
    assert min(waits[6:]) >= LONGEST_SEC / 2
    assert 100 - LONGEST_SEC <= now < 100


def test_the_servers_wish_counts_and_progress_begins_anew() -> None:
    backoff = Backoff(100, lambda: 0.5)
    assert backoff.wait(0, 0) == 0
    assert backoff.wait(0, 0) > 0, "at once is at once only the first time"  # type: ignore[operator]
    assert backoff.wait(0, 30) == 30
    assert backoff.wait(0, 101) is None
    backoff.progress()
    assert backoff.wait(1000, 0) == 0

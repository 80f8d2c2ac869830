"""What a list of records means: the same, in whatever order they arrive."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from tests.store.records import call, moment
from undervoice.messages import Totals
from undervoice.resources import Call
from undervoice.store.batches import Batch

RECORDS = st.lists(
    st.builds(
        lambda started, audio, live, ended: call(
            at_sec=started,
            live=live,
            totals=Totals(audio_sec=audio),
            ended_at=None if live else moment(ended),
        ),
        st.sampled_from([0.0, 0.5, 3600.0]),
        st.sampled_from([0.0, 2.5, 60.0, 61.0]),
        st.booleans(),
        st.sampled_from([60.0, 4000.0]),
    ),
    min_size=1,
    max_size=6,
)


@given(RECORDS, st.randoms(use_true_random=False))
def test_the_same_record_of_a_call_is_kept_in_whatever_order_they_arrive(
    records: list[Call], chance: random.Random
) -> None:
    shuffled = chance.sample(records, len(records))
    (kept,), (other,) = Batch.of(records).calls.values(), Batch.of(shuffled).calls.values()
    assert kept == other
    newest = [one for one in records if one.started_at == kept.started_at]
    assert kept.totals.audio_sec == max(one.totals.audio_sec for one in newest)
    assert kept.live == all(one.live for one in newest if one.totals.audio_sec == kept.totals.audio_sec)

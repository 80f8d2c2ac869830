"""How a call opens: what its ``start`` asks for, and what is in force."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from undervoice.alerts import Rule
from undervoice.audio import AudioFormat
from undervoice.emotion import SAMPLE_RATE, UPSET_WEIGHTS
from undervoice.errors import BadStart, Forbidden
from undervoice.messages import Limits, ModelInfo, Start, Warned
from undervoice.terms import Config, VadConfig
from undervoice.triage import DEFAULT, Weights
from undervoice.vad import SegmenterConfig

MAX_METADATA_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Policy:
    """What the deployment decides about every call."""

    model: ModelInfo
    limits: Limits
    consent_required: bool = False
    subjects: tuple[str, ...] = ("customer",)
    """Whose voices may be scored."""
    upset_weights: dict[str, float] = field(default_factory=lambda: dict(UPSET_WEIGHTS))
    rules: tuple[Rule, ...] = ()
    weights: Weights = DEFAULT
    """What counts how much in a priority."""


def open_call(start: Start, policy: Policy) -> tuple[Start, AudioFormat, list[Warned]]:
    """Return the start with the configuration in force, its audio format, and what was adjusted.

    Raises:
        BadInput: when the audio or the metadata cannot be served.
        Forbidden: without the consent basis that the deployment requires.
    """
    audio = AudioFormat(start.audio.encoding, start.audio.sample_rate, start.audio.channels)
    if "customer" not in audio.channels and "agent" not in policy.subjects:
        raise BadStart("the agent's own voice is never scored here: channels must name customer", code="agent_only")
    if len(msgspec.json.encode(start.metadata)) > MAX_METADATA_BYTES:
        raise BadStart(f"metadata is at most {MAX_METADATA_BYTES} bytes of JSON")
    if policy.consent_required and start.consent is None:
        raise Forbidden("this deployment hears nobody without a consent basis in start", code="consent_required")
    config, warnings = in_force(start.config)
    return msgspec.structs.replace(start, config=config), audio, warnings


def in_force(config: Config) -> tuple[Config, list[Warned]]:
    """Return the nearest configuration that is served, and a warning for each value that moved."""
    vad = VadConfig(mode=min(3, max(0, config.vad.mode)), hangover_ms=_tens(config.vad.hangover_ms, 100, 2000))
    provisional = _tens(config.provisional_ms, 500, 5000) if config.provisional_ms != 0 else 0
    nearest = Config(vad, _tens(config.segment_ms, 1000, 5000), provisional, config.live)
    asked = {**msgspec.structs.asdict(config), **msgspec.structs.asdict(config.vad)}
    given = {**msgspec.structs.asdict(nearest), **msgspec.structs.asdict(vad)}
    return nearest, [
        Warned("config_adjusted", f"{name} {asked[name]} cannot be served: {given[name]} is in force", name)
        for name in ("mode", "hangover_ms", "segment_ms", "provisional_ms")
        if asked[name] != given[name]
    ]


def _tens(value: int, least: int, most: int) -> int:
    """Return the nearest whole ten in a range: cuts stand on a grid of 10 ms."""
    return min(most, max(least, (value + 5) // 10 * 10))


def segmenter_config(config: Config) -> SegmenterConfig:
    """Return how the segmenter cuts under a configuration, in samples."""
    samples = SAMPLE_RATE // 1000
    return SegmenterConfig(
        mode=config.vad.mode,
        hangover=config.vad.hangover_ms * samples,
        segment=config.segment_ms * samples,
        provisional=config.provisional_ms * samples,
    )

"""How frames of the wire become events: one file each, one row in ``DIALECTS``."""

from __future__ import annotations

from collections.abc import Callable

from undervoice.dialects import native
from undervoice.terms import SUBPROTOCOL

DIALECTS: dict[str, Callable[[str], native.Decoded]] = {SUBPROTOCOL: native.decode}
"""By WebSocket subprotocol."""

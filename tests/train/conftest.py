"""The training package is imported from the checkout, as ``make train`` does."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "models"))

# torch's idle threads otherwise spin, and on a busy machine keep the working ones waiting.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

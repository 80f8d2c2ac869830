"""The service reports to nobody: what scores would by itself keep a log of its use, and send it to its makers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LOADS = "import sys; from pathlib import Path; from undervoice.model import Model; Model.load(Path(sys.argv[1]))"


def test_loading_a_model_leaves_nothing_in_the_home_folder(tiny: Path, tmp_path: Path) -> None:
    inherited = ("XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY")
    environ = {name: value for name, value in os.environ.items() if name not in inherited} | {"HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", LOADS, str(tiny)], env=environ, check=True, timeout=60)
    assert list(tmp_path.rglob("*")) == []

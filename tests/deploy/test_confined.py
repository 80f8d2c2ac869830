"""The image's own words, carried out: nobody in particular, on a read-only system, with one folder to write to.

There is no container engine here, so that the same walls are put up by the kernel's own means: a mount namespace in
which all is read-only but the state and /tmp, no capabilities, and the user that the image names.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.charts import CHART
from tests.deploy.recipes import stages
from tests.emulator import free_port

SECRET = "a secret that nobody else has, for a minute"
WALLS = r"""
set -eu
home=$1 python=$2 here=$3 user=$4 state=$5; shift 5
mount -t tmpfs tmpfs /var/lib
mkdir -p /var/lib/python /var/lib/here "$home"
mount --bind "$state" "$home"
mount --bind "$python" /var/lib/python
mount --bind "$here" /var/lib/here
mount -t tmpfs tmpfs /tmp
# Python and the code may lie in a folder of root's that nobody else may enter, or where only the new /tmp is seen.
case $python$here in */root/*) mount -t tmpfs -o mode=755 tmpfs /root;; esac
again() {
  case $2 in /root/*|/tmp/*) mkdir -p "$2"; mount --bind "$1" "$2"; mount -o remount,bind,ro "$2";; esac
}
again /var/lib/python "$python"
again /var/lib/here "$here"
case $python$here in */root/*) mount -o remount,ro /root;; esac
mount -o remount,ro /var/lib
mount -o remount,bind,ro /
exec setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all -- "$@"
"""  # noqa: E501 - a line of the shell's
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class Confined:
    """Runs commands behind the walls, with the variables of the image."""

    state: Path
    env: dict[str, str]

    def start(self, *command: str, **options: object) -> subprocess.Popen[str]:
        last = stages()[-1]
        home, user = self.env["UNDERVOICE_STATE"], last.instructions["USER"][0]
        walls = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", WALLS, "sh"]
        places = [home, sys.base_prefix, str(REPOSITORY), user, str(self.state)]
        return subprocess.Popen([*walls, *places, *command], env=self.env, text=True, **options)  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def confined(tmp_path: Path) -> Confined:
    if os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("setpriv")):
        pytest.skip("walls need root, unshare and setpriv")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespaces here")
    last = stages()[-1]
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    uid, _, gid = last.instructions["USER"][0].partition(":")
    os.chown(state, int(uid), int(gid))
    image = {name: value for name, value in last.environment.items() if name != "PATH"}
    given = {
        "UNDERVOICE_SECRET": SECRET,
        "UNDERVOICE_ORIGINS": "https://desk.example.com",
        "UNDERVOICE_PORT": str(free_port()),
        "UNDERVOICE_MODEL": "compact",
        "UNDERVOICE_URL": "",
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    given["UNDERVOICE_URL"] = f"http://127.0.0.1:{given['UNDERVOICE_PORT']}"
    return Confined(state, image | given)


@pytest.fixture
def server(confined: Confined) -> Iterator[subprocess.Popen[str]]:
    """The image's entry point and command."""
    last = stages()[-1]
    command = json.loads(last.instructions["ENTRYPOINT"][0]) + json.loads(last.instructions["CMD"][0])
    assert command[0] == "undervoice"
    process = confined.start(sys.executable, "-m", *command, stderr=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def healthy(confined: Confined) -> bool:
    """Whether the image's own health check says so."""
    words = stages()[-1].instructions["HEALTHCHECK"][0]
    program, *rest = json.loads(words[words.index("[") :])
    assert program == "python"
    return subprocess.run([sys.executable, *rest], env=confined.env, capture_output=True, check=False).returncode == 0


def test_the_walls_hold(confined: Confined) -> None:
    home = confined.env["UNDERVOICE_STATE"]
    tries = 'for place in / /etc /var/lib /usr "$@"; do touch "$place/x" 2>/dev/null && echo "$place"; done; id -u'
    process = confined.start("sh", "-c", tries, "sh", home, "/tmp", stdout=subprocess.PIPE)
    written, _ = process.communicate(timeout=20)
    assert written.split() == [home, "/tmp", stages()[-1].instructions["USER"][0].partition(":")[0]]


def test_it_serves_behind_the_walls_is_well_and_ends_when_told(
    confined: Confined, server: subprocess.Popen[str]
) -> None:
    end = time.monotonic() + 60
    while not healthy(confined):
        assert server.poll() is None, server.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.2)
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{server.pid}/status").read_text().splitlines())
    assert set(status["Uid"].split()) == {stages()[-1].instructions["USER"][0].partition(":")[0]}
    assert (status["NoNewPrivs"], int(status["CapBnd"], 16), int(status["CapEff"], 16)) == ("1", 0, 0)
    # The chart's own test, from outside.
    script = (CHART / "files" / "check.py").read_text()
    told = subprocess.run(
        [sys.executable, "-c", script], env=confined.env, capture_output=True, text=True, check=False, timeout=60
    )
    assert told.returncode == 0, told.stderr
    assert "is well and hears" in told.stdout
    assert {"outbox.db", "undervoice.db"} <= {path.name for path in confined.state.iterdir()}
    server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 0
    assert not healthy(confined)

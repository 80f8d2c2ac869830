"""Machines of their own, as far as the network goes: a namespace each, all on one bridge, and gone afterwards."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class Network:
    """A bridge of this machine, with an address of its own, to which namespaces are tied."""

    def __init__(self) -> None:
        self._tag = "uv" + secrets.token_hex(3)
        self._net = f"10.{secrets.randbelow(100) + 100}.{secrets.randbelow(256)}"
        self.names: list[str] = []
        self.address = f"{self._net}.1"

    def lay(self) -> None:
        """Make the bridge; skips the test where that is not allowed."""
        if shutil.which("ip", path=PATH) is None or os.geteuid() != 0:
            pytest.skip("network namespaces need root and ip")
        try:
            self._ip("link", "add", self._tag, "type", "bridge")
            self._ip("addr", "add", f"{self.address}/24", "dev", self._tag)
            self._ip("link", "set", self._tag, "up")
            self.machine(0)
        except subprocess.CalledProcessError as error:
            self.remove()
            pytest.skip(f"no network namespaces here: {error.stderr.strip()}")

    def machine(self, number: int) -> tuple[str, str]:
        """Make a namespace, if there is none of this number yet; return its name and its address."""
        name, address, cable = f"{self._tag}-{number}", f"{self._net}.{number + 10}", f"{self._tag}v{number}"
        if name not in self.names:
            self._ip("netns", "add", name)
            self.names.append(name)
            self._ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
            self._ip("link", "set", cable, "master", self._tag, "up")
            self._ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                self._ip("-n", name, "link", "set", device, "up")
        return name, address

    def second_address(self) -> str:
        """Give the bridge one more address, which machines may lose alone; return it."""
        address = f"{self._net}.2"
        self._ip("addr", "add", f"{address}/24", "dev", self._tag)
        return address

    def cut(self, name: str, address: str) -> None:
        """Let nothing of a machine reach an address any more."""
        self._ip("-n", name, "route", "add", "blackhole", address)

    def heal(self, name: str, address: str) -> None:
        """Let it reach the address again."""
        self._ip("-n", name, "route", "del", "blackhole", address)

    def remove(self) -> None:
        """Leave nothing behind; with a namespace its cable goes."""
        for name in self.names:
            self._ip("netns", "del", name, check=False)
        self._ip("link", "del", self._tag, check=False)

    @staticmethod
    def _ip(*words: str, check: bool = True) -> None:
        program = shutil.which("ip", path=PATH) or "ip"
        subprocess.run([program, *words], check=check, capture_output=True, text=True)


def inside(name: str) -> tuple[str, ...]:
    """Return the first words of a command that is to run in a namespace."""
    return (shutil.which("ip", path=PATH) or "ip", "netns", "exec", name)


@contextmanager
def network() -> Iterator[Network]:
    """Lay a network, and remove it."""
    laid = Network()
    laid.lay()
    try:
        yield laid
    finally:
        laid.remove()

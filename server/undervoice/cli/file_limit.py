"""How many sockets this process may hold."""

from __future__ import annotations

import sys


def raise_file_limit() -> None:
    """Allow as many open sockets as the system lets this process have."""
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

"""The command ``undervoice``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from undervoice import __version__
from undervoice.cli import (
    analyze,
    audit,
    bench,
    demo_data,
    evaluate,
    logs,
    rules,
    serve,
    settings,
    stream,
    token,
    train,
)
from undervoice.errors import BadInput, BadSettings, UndervoiceError

COMMANDS = (serve, token, stream, analyze, train, evaluate, logs, rules, audit, demo_data, bench, settings)
INTERRUPTED = 130
"""What shells expect of a program that Ctrl-C ended."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="undervoice", description="Real-time voice emotion for customer service calls.", allow_abbrev=False
    )
    top.add_argument("--version", action="version", version=f"undervoice {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    args = parser().parse_args(argv)
    try:
        status: int = args.run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has had enough; without this the interpreter complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except UndervoiceError as error:
        return _failed(args.command, error.message, 2 if isinstance(error, BadInput | BadSettings) else 1)
    except OSError as error:
        return _failed(args.command, f"{error.filename}: {error.strerror}" if error.filename else str(error), 1)
    return status


def _failed(command: str, message: str, status: int) -> int:
    print(f"undervoice {command}: {' '.join(message.split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())

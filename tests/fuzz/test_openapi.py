"""Whatever is asked of REST, by whatever role, is answered as the OpenAPI document says, and never with a 5xx."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.watching import Tally, no_trace
from tests.servers import Serve, Server
from tests.voices import sentence

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
SPEECH = sentence(0.4, 3.2, 1.0).tobytes()
ROLES = ("agent", "supervisor", "integrator")


def explore(server: Server, role: str, folder: Path, *, phases: str, examples: int) -> tuple[int, str]:
    """Run schemathesis with a role's token; return how many cases it tried, and what it found.

    It runs as a process of its own: its plug-in for pytest stays out of the other tests that way.
    """
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"),
        *("--header", f"Authorization: Bearer {server.token(role)}"),
        *("--exclude-path", "/api/v1/live"),  # has no end of its own
        *("--checks", ",".join(CHECKS), "--phases", phases, "--max-examples", str(examples)),
        *("--generation-deterministic", "--no-color", "--warnings", "off", "--suppress-health-check", "all"),
    ]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=3000, check=False)
    cases = re.search(r"(\d+) generated", ran.stdout)
    assert cases, ran.stdout + ran.stderr
    return int(cases[1]), "" if ran.returncode == 0 else ran.stdout


@pytest.mark.parametrize("role", ROLES)
def test_rest_answers_as_its_document_says(serve: Serve, tmp_path: Path, role: str, long: bool) -> None:
    server = serve(requests_per_sec="100000", idle_sec="3600")
    server.call("c-1", SPEECH)
    with no_trace(server), Tally(f"REST as {role}") as tally:
        # "coverage" tries the edges of every parameter: hundreds of requests, which one role does for all in a hurry.
        phases = "coverage,fuzzing" if long or role == "supervisor" else "fuzzing"
        tally.cases, found = explore(server, role, tmp_path, phases=phases, examples=200 if long else 5)
    assert found == ""
    assert server.call("c-2", SPEECH)[-1]["type"] == "stopped"

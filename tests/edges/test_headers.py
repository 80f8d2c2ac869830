"""What browsers are told: to run nothing but this server's own files, to frame, guess, tell and keep nothing."""

from __future__ import annotations

import re

import httpx
import pytest
import websockets

from tests.servers import Serve, Server
from undervoice.headers import page_headers


def policy(response: httpx.Response) -> dict[str, list[str]]:
    """Return the directives of a content security policy."""
    parts = [part.split() for part in response.headers["content-security-policy"].split(";")]
    assert len({part[0] for part in parts}) == len(parts)
    return {part[0]: part[1:] for part in parts}


def fetch(server: Server, path: str, **headers: str) -> httpx.Response:
    with server.http() as http:
        return http.get(path, headers=headers)


ANSWERS = {
    "/api/v1/model": 200,
    "/api/v1/logs": 200,
    "/logs": 200,
    "/api/v1/calls/nobody": 404,
    "/api/v1/logs?limit=x": 400,
    "/nothing": 404,
    "/widget/nothing.js": 404,
    "/health": 200,
    "/livez": 200,
    "/openapi.json": 200,
}


def test_an_answer_is_nothing_to_run_to_frame_or_to_keep(server: Server) -> None:
    for path, status in ANSWERS.items():
        response = fetch(server, path)
        assert response.status_code == status
        assert policy(response) == {"default-src": ["'none'"], "frame-ancestors": ["'none'"]}
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cross-origin-resource-policy"] == "same-origin"
        assert len(set(response.headers.keys())) == len(response.headers.multi_items()), "each header once"


def test_a_refusal_has_them_too(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("secret details")

    monkeypatch.setattr(type(server.service.store), "logs", fail)
    with server.http(None) as nobody, server.http("integrator") as http:
        refusals = {
            401: nobody.get("/api/v1/logs"),
            403: http.get("/api/v1/logs"),
            405: http.put("/api/v1/logs"),
            413: http.post("/api/v1/tokens", content=b" " * 100_000),
            500: fetch(server, "/api/v1/logs"),
        }
    for status, response in refusals.items():
        assert response.status_code == status
        assert policy(response) == {"default-src": ["'none'"], "frame-ancestors": ["'none'"]}
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/widget/demo/index.html"])
def test_a_page_runs_and_reaches_this_server_alone(server: Server, path: str) -> None:
    response = fetch(server, path)
    host = server.url.removeprefix("http://")
    directives = policy(response)
    assert directives["default-src"] == directives["base-uri"] == directives["form-action"] == ["'none'"]
    assert directives["script-src"] == directives["style-src"] == directives["frame-ancestors"] == ["'self'"]
    assert directives["connect-src"] == ["'self'", f"ws://{host}", f"wss://{host}"]
    assert "unsafe" not in response.headers["content-security-policy"]
    assert response.headers["permissions-policy"] == "microphone=(self), display-capture=(self)"
    assert response.headers["cross-origin-opener-policy"] == "same-origin"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_no_page_has_a_script_or_a_style_of_its_own(server: Server) -> None:
    for path in ("/", "/widget/demo/index.html"):
        page = fetch(server, path).text
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


@pytest.mark.parametrize(
    "host",
    [None, "", "x y", "a;script-src *", "a,b", "a\nb", "é", "x" * 300, "'unsafe-inline'", "a/b", "*"],
)
def test_a_name_that_is_none_is_not_taken_into_the_policy(host: str | None) -> None:
    policy = page_headers(host)["content-security-policy"]
    assert policy == page_headers(None)["content-security-policy"]
    assert "connect-src 'self';" in policy


@pytest.mark.parametrize("host", ["desk.example", "127.0.0.1:8000", "[::1]:8000"])
def test_a_name_is_where_the_pages_socket_goes(host: str) -> None:
    assert f"connect-src 'self' ws://{host} wss://{host};" in page_headers(host)["content-security-policy"]


def test_widget_files_may_be_used_by_every_origin(server: Server) -> None:
    for name in ("undervoice-meter.js", "worklet.js"):
        response = fetch(server, f"/widget/{name}", origin="https://desk.example")
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["cross-origin-resource-policy"] == "cross-origin"
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["content-type"].startswith("text/javascript")


def test_https_is_asked_for_where_a_trusted_proxy_speaks_it(serve: Serve) -> None:
    server = serve()
    for path in ("/", "/api/v1/model"):
        assert "strict-transport-security" not in fetch(server, path).headers
        secure = fetch(server, path, **{"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.5"})
        assert secure.headers["strict-transport-security"] == "max-age=31536000"


def test_only_listed_origins_are_told_that_they_may_ask(serve: Serve) -> None:
    server = serve(origins="https://desk.example")
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    with server.http(None) as http:
        for origin, allowed in (("https://desk.example", True), ("https://evil.example", False), ("null", False)):
            response = http.options("/api/v1/tokens", headers={"origin": origin, **asked})
            assert (response.headers.get("access-control-allow-origin") == origin) == allowed
            assert "access-control-allow-credentials" not in response.headers
            assert response.headers["x-content-type-options"] == "nosniff"


# ---------------------------------------------------------------- the Origin of a socket

LISTED = "https://desk.example"


ORIGINS = {
    LISTED: True,
    "https://other.example:8443": True,
    "http://xn--bcher-kva.example": True,
    "{own}": True,
    "https://{host}": True,  # TLS may end at a proxy that passes the name on
    "null": False,
    "": False,
    "HTTPS://DESK.EXAMPLE": False,  # no browser writes it so
    "https://Desk.example": False,
    "http://desk.example": False,
    "https://desk.example:443": False,  # nor a port that goes without saying
    "https://desk.example:8443": False,
    "https://other.example": False,
    "https://desk.example.": False,
    "https://desk.example/": False,
    "https://desk.example.evil.example": False,
    "https://evil.example/https://desk.example": False,
    "https://evil-desk.example": False,
    "https://x.desk.example": False,
    "https://desk.example@evil.example": False,
    "http://b\xfccher.example": False,
    "wss://desk.example": False,
    "{own}.": False,
    "http://x@{host}": False,
    "file://": False,
    "http://[": False,
    "chrome-extension://desk.example": False,
    "https://desk.example https://evil.example": False,
    "*": False,
}


def test_the_origin_decides_before_the_upgrade(serve: Serve) -> None:
    server = serve(origins=f"{LISTED}, https://OTHER.example:8443/, http://xn--bcher-kva.example")
    host = server.url.removeprefix("http://")
    found: dict[str, bool] = {}
    for origin in ORIGINS:
        # Through the library's own header, so that nothing of it is made neater on the way.
        headers = {"Origin": origin.replace("{own}", server.url).replace("{host}", host)}
        try:
            with server.connect(headers=headers):
                found[origin] = True
        except websockets.InvalidStatus as refusal:
            found[origin] = refusal.response.status_code != 403
    assert found == ORIGINS

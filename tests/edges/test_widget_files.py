"""The widget in one file and the examples: for whom they are served, and from where."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edges.test_headers import fetch, policy
from tests.servers import Serve
from undervoice import places

BUNDLE = "/widget/undervoice-meter.min.js"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the bundle would lie."""
    folder = tmp_path / "dist" / "meter"
    monkeypatch.setattr(places, "bundle_folder", lambda: folder)
    return folder


def test_the_bundle_is_for_pages_of_any_origin_as_soon_as_it_is_built(serve: Serve, folder: Path) -> None:
    server = serve()
    assert fetch(server, BUNDLE).status_code == 404
    folder.mkdir(parents=True)
    (folder / "undervoice-meter.min.js").write_text("export {};")
    (folder.parent / "secret.js").write_text("nobody's business")
    response = fetch(server, BUNDLE, origin="https://desk.example")
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    assert response.headers["cache-control"] == "no-cache"
    for path in ("../secret.js", "%2e%2e/secret.js", "..%2fsecret.js"):
        assert fetch(server, f"/widget/{path}").status_code == 404


def test_the_modules_are_served_without_a_bundle(serve: Serve, folder: Path) -> None:
    assert fetch(serve(), "/widget/undervoice-meter.js").status_code == 200


def test_the_softphone_is_a_page_of_this_server_alone(serve: Serve) -> None:
    server = serve()
    page = fetch(server, "/examples/softphone/")
    assert "<undervoice-meter" in page.text
    directives = policy(page)
    assert directives["default-src"] == ["'none'"]
    assert directives["script-src"] == directives["frame-ancestors"] == ["'self'"]
    script = fetch(server, "/examples/softphone/softphone.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cross-origin-resource-policy"] == "same-origin"
    for path in ("softphone", "softphone/nothing.js", "../package.json", "softphone/%2e%2e/%2e%2e/package.json"):
        assert fetch(server, f"/examples/{path}").status_code in (307, 404)

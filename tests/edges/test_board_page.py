"""The supervisor's page and its files: built or not, for its own origin, and no way out of its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edges.test_headers import fetch, policy
from tests.servers import Serve
from undervoice import places


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the board would lie."""
    folder = tmp_path / "dist" / "board"
    monkeypatch.setattr(places, "board_folder", lambda: folder)
    return folder


def build(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>board</title>")
    (folder / "board.js").write_text("export {};")
    (folder.parent / "secret.js").write_text("nobody's business")


@pytest.mark.parametrize("path", ["/supervisor", "/supervisor/"])
def test_the_page_is_one_of_this_server_alone(serve: Serve, folder: Path, path: str) -> None:
    build(folder)
    response = fetch(serve(), path)
    assert "<title>board</title>" in response.text
    directives = policy(response)
    assert directives["default-src"] == directives["form-action"] == directives["base-uri"] == ["'none'"]
    assert directives["script-src"] == directives["style-src"] == directives["frame-ancestors"] == ["'self'"]
    assert directives["require-trusted-types-for"] == ["'script'"]
    assert response.headers["cache-control"] == "no-cache"


def test_its_files_are_for_this_origin_and_asked_about_again(serve: Serve, folder: Path) -> None:
    build(folder)
    server = serve()
    response = fetch(server, "/supervisor/board.js", origin="https://desk.example")
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in response.headers
    again = fetch(server, "/supervisor/board.js", **{"if-none-match": response.headers["etag"]})
    assert again.status_code == 304
    for path in ("nothing.js", "../secret.js", "%2e%2e/secret.js", "..%2fsecret.js"):
        assert fetch(server, f"/supervisor/{path}").status_code == 404


def test_a_board_that_is_not_built_says_so_and_is_served_once_it_is(serve: Serve, folder: Path) -> None:
    server = serve()
    missing = fetch(server, "/supervisor")
    assert missing.status_code == 503
    assert missing.headers["content-type"].startswith("text/plain")
    assert "make board" in missing.text
    assert fetch(server, "/supervisor/board.js").status_code == 503
    build(folder)
    assert fetch(server, "/supervisor").status_code == 200
    assert fetch(server, "/supervisor/board.js").status_code == 200

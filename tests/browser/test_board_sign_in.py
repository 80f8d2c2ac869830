"""Who gets to the board: whoever brings a supervisor's token, by link or by hand, and nobody else."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.audit import audit
from tests.browser.boards import at
from tests.browser.conftest import visiting
from tests.browser.floor import BUILT, looked_at, seat
from tests.servers import Server
from undervoice.auth import Tokens

pytestmark = [pytest.mark.browser, BUILT]

WATCH_POLICY = """window.violations = [];
document.addEventListener('securitypolicyviolation', (e) => violations.push(`${e.violatedDirective} ${e.blockedURI}`));
"""


@pytest.fixture
def door(browser: Browser, server: Server) -> Iterator[Page]:
    """The board, without a token."""
    with visiting(browser, f"{server.url}/supervisor") as page:
        yield page


def spent(server: Server) -> str:
    """Return a supervisor's token of a minute ago that held for a second."""
    with pytest.MonkeyPatch.context() as patch:
        long_ago = time.time() - 60
        patch.setattr(time, "time", lambda: long_ago)
        return server.tokens.issue("supervisor", ttl_sec=1).token


def offer(page: Page, text: str) -> None:
    page.get_by_label("Token or link").fill(text)
    page.get_by_role("button", name="Sign in").click()


def test_a_link_signs_in_for_this_tab_and_leaves_no_token_in_the_address(browser: Browser, server: Server) -> None:
    with at(browser, seat(server), "#/queue") as page:
        assert page.url == f"{server.url}/supervisor#/queue"
        expect(page.get_by_role("heading", level=1)).to_have_text("Waiting callers")
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text("Waiting callers")
        assert "token" not in page.evaluate("JSON.stringify([location.href, document.cookie, {...localStorage}])")
        # Neither does going back find it: the address with the token was replaced, not left.
        assert all(
            "token" not in url for url in page.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
        )
        other = page.context.new_page()
        other.goto(f"{server.url}/supervisor#/queue")
        expect(other.get_by_label("Token or link")).to_be_visible()


def test_a_token_or_a_whole_link_may_be_pasted(door: Page, server: Server) -> None:
    door.evaluate("location.hash = '#/wall?mood=upset'")
    for shape in ("{token}", "  {token}\n", "{url}/supervisor#token={token}"):
        offer(door, shape.format(url=server.url, token=server.token("supervisor")))
        expect(door.get_by_role("link", name="Upset")).to_have_attribute("aria-current", "true")
        door.get_by_role("button", name="Sign out").click()


def test_any_other_token_is_refused_with_a_sentence_that_helps(door: Page, server: Server) -> None:
    expired = spent(server)
    asked: list[str] = []
    door.on("request", lambda request: asked.append(request.url.split("/api/v1")[-1]))
    strangers = Tokens("another server's secret, thirty-two bytes").issue("supervisor").token
    for token, words in (
        (server.token("agent"), "This is an agent’s token."),
        (server.token("integrator"), "This is an integrator’s token."),
        ("not a token", "This is no token"),
        ("a.b.c", "This is no token"),
        (strangers, "This token is not one of this server’s."),
        (expired, "This token has expired."),
        ("", "Paste a token first."),
    ):
        offer(door, token)
        expect(door.get_by_role("alert")).to_contain_text(words)
        assert door.evaluate("sessionStorage.length") == 0
    assert set(asked) == {"/model"}, "nothing of anybody was asked for"
    audit(door)


def test_a_token_that_runs_out_brings_the_sign_in_back_and_then_the_place(browser: Browser, server: Server) -> None:
    with at(browser, seat(server), "#/queue") as page:
        page.evaluate("(token) => sessionStorage.setItem('undervoice-token', token)", spent(server))
        page.reload()
        expect(page.get_by_role("alert")).to_contain_text("This token has expired.")
        expect(page.get_by_role("navigation", name="Views")).to_be_hidden()
        assert page.evaluate("sessionStorage.length") == 0
        offer(page, server.token("supervisor"))
        expect(page.get_by_role("heading", level=1)).to_have_text("Waiting callers")
        assert page.url.endswith("#/queue")


def test_signing_out_forgets_the_token_and_lets_go_of_everything(browser: Browser, server: Server) -> None:
    with at(browser, seat(server), "#/wall") as page:
        expect(page.get_by_role("status", name="").filter(has_text="Live")).to_be_visible()
        assert len(server.service.live.feed) == 1
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token or link")).to_be_focused()
        assert page.evaluate("sessionStorage.length") == 0
        end = time.monotonic() + 5
        while len(server.service.live.feed):
            assert time.monotonic() < end, "the line is still read"
            time.sleep(0.02)


def test_the_page_keeps_to_its_policy_in_every_view(browser: Browser, server: Server) -> None:
    with browser.new_context() as context:
        context.add_init_script(WATCH_POLICY)
        page = context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{server.url}/supervisor#token={server.token('supervisor')}")
        for place in ("wall", "queue", "trends", "log", "alerts", "calls/nobody", "nowhere"):
            page.evaluate("(place) => { location.hash = `#/${place}`; }", place)
            page.wait_for_timeout(150)
        expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
        assert page.evaluate("violations") == []
        assert faults == []


def test_the_sign_in_is_for_everybody(door: Page) -> None:
    door.get_by_text("Where does one come from?").click()
    looked_at(door, "board-sign-in")

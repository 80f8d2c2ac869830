"""What needs none of the tokens for calls: probes, metrics, the demo page, the board's page, and the files of both."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

from undervoice import __version__
from undervoice.admission import bearer_token
from undervoice.answers import answer
from undervoice.errors import BadToken, Forbidden, StoreDown
from undervoice.resources import Health
from undervoice.service import Service

NOT_BUILT = "The supervisor's board has not been built here: run `make board` in the checkout, or install the wheel.\n"


async def health(request: Request, service: Service) -> Response:
    """Tell whether the service works, and whether its store does."""
    checks = {"model": service.lineup.chosen.tag, "store": "ok", "outbox": "ok"} | _outbox(service)
    if not service.peers.up:
        checks["exchange"] = "down"
    if service.gathering is not None:
        checks["workers"] = await service.gathering.others()
    try:
        await service.store.ping()
    except StoreDown:
        checks["store"] = "down"  # why is for the log: it may name hosts and paths
    lost = service.writer.dropped > 0 or service.writer.outbox.given_up > 0
    troubled = any(state != "ok" for part, state in checks.items() if part != "model")
    return answer(Health(_status(service, degraded=troubled or lost), __version__, checks))


async def livez(request: Request, service: Service) -> Response:
    """Tell whether the process runs."""
    return answer(Health("ok", __version__))


async def readyz(request: Request, service: Service) -> Response:
    """Tell whether new calls may come here. A store that is down keeps nobody out: readings wait for it."""
    full = len(service.connections) >= service.connections.most
    checks = _outbox(service)
    status = _status(service, degraded=full or bool(checks))
    if not (full or service.draining):
        return answer(Health(status, __version__, checks))
    # Another server takes over at once; a full one has to lose a call first.
    return answer(Health(status, __version__, checks), 503, {"retry-after": "1" if service.draining else "5"})


def _status(service: Service, *, degraded: bool) -> Literal["ok", "degraded", "draining"]:
    if service.draining:
        return "draining"
    return "degraded" if degraded else "ok"


def _outbox(service: Service) -> dict[str, str]:
    """Return what an operator should know about the outbox, if anything."""
    trouble = service.writer.outbox.trouble
    return {"outbox": trouble} if trouble else {}


PROBES: dict[str, Callable[[Request, Service], Awaitable[Response]]] = {
    "/health": health,
    "/livez": livez,
    "/readyz": readyz,
}


async def metrics(request: Request, service: Service) -> Response:
    """Tell Prometheus how the server stands."""
    _check_scraper(request, service.bounds.metrics_token)
    body, content_type = await (service.gathering or service.metrics).exposed(request.headers.get("accept", ""))
    return Response(body, headers={"content-type": content_type})


def _check_scraper(request: Request, wanted: str | None) -> None:
    """Let in whoever is on this machine and came straight here, or has the token.

    Raises:
        BadToken: not the token that is wanted.
        Forbidden: no token is set, so that nobody from elsewhere may come in.
    """
    if _is_near(request):
        return
    if wanted is None:
        raise Forbidden("metrics are for this machine, unless a token for them is set", code="metrics_local")
    token = bearer_token(request)
    if token is None:
        raise BadToken("metrics need a token: Authorization: Bearer …", code="token_missing")
    if not hmac.compare_digest(token.encode(), wanted.encode()):
        raise BadToken("not the token of this server's metrics", code="token_invalid")


FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


def _is_near(request: Request) -> bool:
    """Whether a request comes from this machine and through no proxy, whatever a proxy was told to believe."""
    try:
        near = request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False
    return near and not any(name in request.headers for name in FORWARDED)


async def demo(request: Request, service: Service) -> Response:
    """Serve the page that shows the widget in use."""
    return FileResponse(service.widget_folder / "demo" / "index.html")


class WidgetFiles(StaticFiles):
    """The widget's modules and bundle, for pages of any origin: they hold no secrets."""

    def __init__(self, modules: Path, bundle: Path) -> None:
        super().__init__(directory=modules)
        # In a checkout the bundle lies elsewhere, and may come while the server runs.
        self.all_directories.append(bundle)

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """Serve a file with the headers that embedding needs."""
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["access-control-allow-origin"] = "*"
        response.headers["cross-origin-resource-policy"] = "cross-origin"
        response.headers["cache-control"] = "no-cache"
        return response


class OwnFiles(StaticFiles):
    """What pages of this server itself are made of."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """Serve a file that browsers may keep, and ask about before they use it."""
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["cache-control"] = "no-cache"
        return response


async def board(request: Request, service: Service) -> Response:
    """Serve the supervisor's board; what it shows it asks for with the token of whoever signs in."""
    page = service.board_folder / "index.html"
    return FileResponse(page) if page.is_file() else PlainTextResponse(NOT_BUILT, 503)


class BoardFiles(OwnFiles):
    """The board's files, for its own page; in a checkout they may come while the server runs."""

    async def check_config(self) -> None:
        """Look whether there are any.

        Raises:
            HTTPException: 503, they have not been built.
        """
        try:
            await super().check_config()
        except RuntimeError as error:
            raise HTTPException(503, "board not built") from error

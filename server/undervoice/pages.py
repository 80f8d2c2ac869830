"""What needs no token: probes, the demo page, and the widget's files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from undervoice import __version__
from undervoice.answers import answer
from undervoice.errors import StoreDown
from undervoice.resources import Health
from undervoice.service import Service


async def health(request: Request, service: Service) -> Response:
    """Tell whether the service works, and whether its store does."""
    checks = {"model": service.lineup.chosen.tag, "store": "ok"}
    try:
        await service.store.ping()
    except StoreDown:
        checks["store"] = "down"  # why is for the log: it may name hosts and paths
    degraded = checks["store"] != "ok" or service.writer.dropped > 0
    return answer(Health("degraded" if degraded else "ok", __version__, checks))


async def livez(request: Request, service: Service) -> Response:
    """Tell whether the process runs."""
    return answer(Health("ok", __version__))


async def readyz(request: Request, service: Service) -> Response:
    """Tell whether new calls may come here. A store that is down keeps nobody out: readings wait for it."""
    full = len(service.connections) >= service.connections.most
    return answer(Health("degraded" if full else "ok", __version__), 503 if full else 200)


PROBES: dict[str, Callable[[Request, Service], Awaitable[Response]]] = {
    "/health": health,
    "/livez": livez,
    "/readyz": readyz,
}


async def demo(request: Request, service: Service) -> Response:
    """Serve the page that shows the widget in use."""
    return FileResponse(service.widget_folder / "demo" / "index.html")


class WidgetFiles(StaticFiles):
    """The widget's files, for pages of any origin: they hold no secrets."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """Serve a file with the headers that embedding needs."""
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["access-control-allow-origin"] = "*"
        response.headers["cross-origin-resource-policy"] = "cross-origin"
        response.headers["cache-control"] = "no-cache"
        return response

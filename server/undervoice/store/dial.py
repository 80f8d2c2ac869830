"""A Firestore client that tries again soon.

After a long outage gRPC waits up to two minutes before it connects once more, and the
client library offers no setting for it. So the two places where it makes its channels are
overridden here, and a test fails when a new version of the library passes them by.
"""

from __future__ import annotations

from typing import Any

RECONNECT_MS = 2000
OPTIONS = [("grpc.initial_reconnect_backoff_ms", 500), ("grpc.max_reconnect_backoff_ms", RECONNECT_MS)]


def dial(project: str) -> Any:
    """Return a new client, which connects at its first use.

    Takes long: the import alone 0.6 s, and looking for credentials may ask the network.
    """
    from google.cloud.firestore import AsyncClient

    class SoonClient(AsyncClient):
        """An ``AsyncClient`` whose channels have our options."""

        def _firestore_api_helper(self, transport: Any, *rest: Any) -> Any:
            return super()._firestore_api_helper(_with_options(transport), *rest)

        def _emulator_channel(self, transport: Any) -> Any:
            import grpc  # type: ignore[import-untyped]

            unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
            return grpc.aio.insecure_channel(self._emulator_host, options=[*unlimited, *OPTIONS])

    return SoonClient(project=project)


def _with_options(transport: Any) -> Any:
    class SoonTransport(transport):  # type: ignore[misc]
        """The library's transport, its channels with our options."""

        @classmethod
        def create_channel(cls, *args: Any, options: Any = (), **others: Any) -> Any:
            return super().create_channel(*args, options=[*options, *OPTIONS], **others)

    return SoonTransport

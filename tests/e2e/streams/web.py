"""A web server as in production, but with hardly any room for bytes that a client does not read."""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

ROOM = 4096  # bytes; Linux and uvloop grant much more, and no slow client would be felt


class Cramped(HttpToolsProtocol):
    """uvicorn's protocol, which soon has to wait for its client."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Leave little room for what the kernel does not take."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(ROOM)


def main(port: int) -> None:
    """Serve the site at the port until a signal ends it."""
    config = uvicorn.Config(
        "photorestore.asgi:application",
        http=Cramped,
        lifespan="off",
        access_log=False,
        log_level="warning",
    )
    config.load()
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(int(sys.argv[1]))

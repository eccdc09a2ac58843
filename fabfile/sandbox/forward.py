"""The forwarder of one server, a program of its own: connections on the machine go to the lan.

    forward.py ADDRESS DESCRIPTOR:PORT...

It is started inside the lan namespace with listening sockets made outside it, so that a
connection crosses the server's network cable, and its delay, as a real one would.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from contextlib import suppress

CONNECT_TIMEOUT = 30  # seconds
RESET = struct.pack("ii", 1, 0)


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy until the source ends, then end the sink's half; a broken end breaks the other too."""
    buffer = memoryview(bytearray(1 << 18))
    try:
        while count := source.recv_into(buffer):
            sink.sendall(buffer[:count])
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                end.shutdown(socket.SHUT_RDWR)


def serve(client: socket.socket, address: str, port: int) -> None:
    """Connect one client to the server; what refuses there is reset here."""
    with client:
        try:
            server = socket.create_connection((address, port), CONNECT_TIMEOUT)
        except OSError:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            return
        with server:
            server.settimeout(None)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(target=pump, args=(server, client), daemon=True)
            back.start()
            pump(client, server)
            back.join()


def accept(listener: socket.socket, address: str, port: int) -> None:
    """Serve every client of a listening socket, each in a thread."""
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, address, port), daemon=True).start()


def main(arguments: list[str]) -> None:
    """Forward until killed."""
    address, *pairs = arguments
    threads = []
    for pair in pairs:
        descriptor, port = (int(number) for number in pair.split(":"))
        listener = socket.socket(fileno=descriptor)
        threads.append(threading.Thread(target=accept, args=(listener, address, port)))
    for thread in threads:
        thread.start()


if __name__ == "__main__":
    main(sys.argv[1:])

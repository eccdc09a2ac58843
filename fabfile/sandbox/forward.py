"""Forward connections on the machine to one server. A program of its own.

    forward.py ADDRESS DESCRIPTOR:PORT...

It runs inside the lan's namespace with listening sockets made outside it. So each connection
crosses the server's network cable, with its delay.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from contextlib import suppress

CONNECT_TIMEOUT = 30  # in seconds
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: close() sends RST (socket(7))


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Copy until the source ends, then close the sink for writing. An error resets both."""
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
    """Connect one client to the server. Reset the client if the server refuses."""
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
    """Serve each client of a listening socket in a thread of its own."""
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, address, port), daemon=True).start()


def main(arguments: list[str]) -> None:
    """Forward connections until killed."""
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

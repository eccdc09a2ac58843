"""The apt proxy of the lan: known archives only, packages cached. A program of its own.

    proxy.py DESCRIPTOR CACHE ORIGINS UPSTREAM

DESCRIPTOR is a socket that listens in the lan. The proxy connects to the archives from the machine.
ORIGINS (JSON) gives the real address of each archive, UPSTREAM (JSON) the machine's own proxies.
The file of a package never changes under its name, so its copy stays valid. Indexes are not cached.
"""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

TIMEOUT = 60  # without a byte from the archive, in seconds


class Archive:
    """The served archives: their real addresses, and the cache of their packages."""

    def __init__(self, cache: Path, origins: dict[str, str], upstream: dict[str, str]) -> None:
        self.cache = cache
        self.origins = origins
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler(upstream))
        self.locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)

    def real(self, url: str) -> str | None:
        """Return the real address of a file, or None outside the known archives."""
        if ".." in unquote(url).split("/"):
            return None
        for name, origin in self.origins.items():
            if url.startswith(f"{name}/"):
                return origin + url.removeprefix(name)
        return None

    def open(self, url: str, since: str | None) -> http.client.HTTPResponse:
        """Request a file from the archive. Raise HTTPError for 304 and for errors."""
        headers = {"If-Modified-Since": since} if since else {}
        request = urllib.request.Request(url, headers=headers)  # noqa: S310
        response: http.client.HTTPResponse = self.opener.open(request, timeout=TIMEOUT)
        return response

    def package(self, url: str, real: str) -> Path:
        """Return the local copy of a package. Download it the first time."""
        parts = urlsplit(url)
        path = self.cache / parts.netloc / unquote(parts.path).lstrip("/")
        # Servers that install the same package at the same time download it once.
        with self.locks[path]:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                with (
                    self.open(real, None) as response,
                    tempfile.TemporaryDirectory(dir=self.cache, prefix=".new-") as folder,
                ):
                    new = Path(folder) / "package"
                    with new.open("wb") as file:
                        shutil.copyfileobj(response, file, 1 << 20)
                    length = response.headers.get("Content-Length")
                    if length and new.stat().st_size != int(length):
                        raise urllib.error.URLError("the archive closed the connection too early")
                    new.replace(path)
        return path


class Handler(BaseHTTPRequestHandler):
    """One connection of apt."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    archive: Archive

    def do_GET(self) -> None:
        """Serve one file."""
        real = self.archive.real(self.path)
        if real is None:
            self.send_error(403, "Not an archive of this sandbox")
            return
        try:
            if real.endswith(".deb"):
                self.send_copy(self.archive.package(self.path, real))
            else:
                self.send_through(real)
        except urllib.error.HTTPError as error:
            self.send_nothing(error.code)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
            self.log_error("%s: %s", real, error)
            self.send_nothing(502)

    def send_copy(self, path: Path) -> None:
        """Send a package from the cache."""
        with path.open("rb") as file:
            self.send_response(200)
            self.send_header("Content-Length", str(path.stat().st_size))
            self.end_headers()
            shutil.copyfileobj(file, self.wfile, 1 << 20)

    def send_through(self, real: str) -> None:
        """Send an index from the archive."""
        with self.archive.open(real, self.headers.get("If-Modified-Since")) as response:
            body = response.read()
            self.send_response(200)
            for name in ("Last-Modified", "Content-Type", "Date"):
                if value := response.headers.get(name):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def send_nothing(self, code: int) -> None:
        """Reply with a status and no body."""
        self.send_response(code)
        if code != 304:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log no request: only errors are logged."""


class Server(ThreadingHTTPServer):
    """An HTTP server on an inherited listening socket."""

    daemon_threads = True

    def __init__(self, listener: socket.socket) -> None:
        address = listener.getsockname()
        super().__init__(address, Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener


def main(arguments: list[str]) -> None:
    """Serve requests until killed."""
    descriptor, cache, origins, upstream = arguments
    Path(cache).mkdir(parents=True, exist_ok=True)
    Handler.archive = Archive(Path(cache), json.loads(origins), json.loads(upstream))
    Server(socket.socket(fileno=int(descriptor))).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])

"""Serve a folder on this machine, as a static host would: ``python tools/serve.py DIR [PORT]``."""

import contextlib
import functools
import gzip
import sys
import threading
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TEXT = ("text/", "application/json", "image/svg+xml")
LAST_PORT = 65535


class Handler(SimpleHTTPRequestHandler):
    """Files with their right types, text compressed for those who accept it."""

    protocol_version = "HTTP/1.1"
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript; charset=utf-8",
        ".mjs": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".ipynb": "application/json",
        ".json": "application/json",
        ".svg": "image/svg+xml",
        ".woff2": "font/woff2",
    }

    def send_head(self):
        path = Path(self.translate_path(self.path))
        kind = self.guess_type(str(path))
        accepts = "gzip" in self.headers.get("Accept-Encoding", "")
        try:
            path.stat()
        except (OSError, ValueError):  # also a name that no file can have: too long, or with a NUL in it
            return self.send_error(HTTPStatus.NOT_FOUND)
        if not (accepts and path.is_file() and kind.startswith(TEXT)):
            return super().send_head()
        data = compressed(path, path.stat().st_mtime_ns)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Vary", "Accept-Encoding")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(ConnectionError):
                self.wfile.write(data)
        return None

    def end_headers(self):
        self.send_header("Access-Control-Allow-Origin", "*")  # without it, no figure lives in a sandboxed frame
        super().end_headers()

    def log_message(self, *args):
        pass

    def handle(self):
        # a browser that leaves in the middle of an answer is no error
        with contextlib.suppress(ConnectionError):
            super().handle()


@functools.lru_cache(maxsize=512)
def compressed(path, _modified):
    return gzip.compress(path.read_bytes(), 6)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # a page asks for twenty files at once; beyond the queue, one may wait for a minute
    allow_reuse_address = False


def listen(directory, port=0):
    """A server on 127.0.0.1 at ``port``, or at the next free one; 0 is any.

    Raises:
        ValueError: where ``directory`` is no folder, or ``port`` is not between 0 and 65535.
        OSError: where none of the next hundred ports is free.
    """
    if not Path(directory).is_dir():
        raise ValueError(f"directory: expected a folder, got {str(directory)!r}")
    if not 0 <= port <= LAST_PORT:
        raise ValueError(f"port: expected a number from 0 to {LAST_PORT}, got {port}")
    last = min(port + 99, LAST_PORT)
    for candidate in range(port, last + 1) if port else [0]:
        with contextlib.suppress(OSError):
            return Server(("127.0.0.1", candidate), functools.partial(Handler, directory=str(directory)))
    raise OSError(f"port: none is free from {port} to {last}")


@contextlib.contextmanager
def serve(directory, port=0):
    """Serve while the block runs; gives the address, without a slash at its end."""
    server = listen(directory, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main(directory="_build/html", port="8000"):
    try:
        if not port.isdecimal():
            raise ValueError(f"port: expected a number from 0 to {LAST_PORT}, got {port!r}")
        server = listen(directory, int(port))
    except (ValueError, OSError) as problem:
        sys.exit(str(problem))
    print(f"Serving {directory} at http://127.0.0.1:{server.server_address[1]}/ (Ctrl-C stops)", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    if len(sys.argv) > 3 or {"-h", "--help"} & set(sys.argv[1:]):
        sys.exit(__doc__)
    main(*sys.argv[1:])

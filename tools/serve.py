"""Serve a folder on this machine, as a static host would: ``python tools/serve.py DIR [PORT]``."""

import contextlib
import functools
import gzip
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TEXT = ("text/", "application/json", "image/svg+xml")


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
    allow_reuse_address = False


def listen(directory, port=0):
    """A server on 127.0.0.1 at ``port``, or at the next free one; 0 is any."""
    if not Path(directory).is_dir():
        raise ValueError(f"directory: {directory!r} is not a folder")
    for candidate in range(port, port + 100) if port else [0]:
        with contextlib.suppress(OSError):
            return Server(("127.0.0.1", candidate), functools.partial(Handler, directory=str(directory)))
    raise OSError(f"no free port from {port} to {port + 99}")


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
    server = listen(directory, int(port))
    print(f"Serving {directory} at http://127.0.0.1:{server.server_address[1]}/ (Ctrl-C stops)", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    if len(sys.argv) > 3 or {"-h", "--help"} & set(sys.argv[1:]):
        sys.exit(__doc__)
    main(*sys.argv[1:])

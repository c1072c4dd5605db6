"""A static host that changes its folder, or is cut off."""

import threading
from http.server import ThreadingHTTPServer


class Host:
    """A static host whose folder can be changed under one address, and that is cut off while it has none."""

    def __init__(self, handler):
        host = self
        self.folder = None

        class Switched(handler):
            def do_GET(self):
                if host.folder is None:
                    self.close_connection = True  # without a word, as a broken network does
                    return
                self.directory = str(host.folder)
                super().do_GET()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Switched)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

"""Firefox, driven by WebDriver BiDi, which it speaks by itself: no driver between the tests and the browser."""

import base64
import contextlib
import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from browsing import PATIENCE
from websockets.sync.client import connect

PREFERENCES = {
    "app.normandy.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "browser.download.folderList": 2,  # into the profile, which goes with the browser
    "datareporting.policy.dataSubmissionEnabled": False,
    "layout.css.prefers-color-scheme.content-override": 1,  # light
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "remote.prefs.recommended": True,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "ui.prefersReducedMotion": 1,
}
KEYS = {
    **{
        "Backspace": "\ue003",
        "Tab": "\ue004",
        "Enter": "\ue007",
        "Escape": "\ue00c",
        "End": "\ue010",
        "Home": "\ue011",
    },
    **{"Escape": "\ue00c", "ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014", "ArrowDown": "\ue015"},
}
# What the console would show; the browser tells drivers of errors in scripts, but not of what the policy refused.
REFUSALS = """() => addEventListener("securitypolicyviolation", (event) =>
  console.error(`refused: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile ?? ""}`))"""

NOT_KEPT = "() => { if (navigator.serviceWorker) navigator.serviceWorker.register = async () => {}; }"


def binary():
    return shutil.which("firefox-esr") or shutil.which("firefox")


class Firefox:
    """A browser with one window. `log` has the errors and warnings of all pages since it was last emptied."""

    def __init__(self):
        self.profile = tempfile.mkdtemp()
        preferences = PREFERENCES | {"browser.download.dir": self.profile}
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in preferences.items()]
        Path(self.profile, "user.js").write_text("\n".join(lines), encoding="utf-8")
        command = [binary(), "--headless", "--no-remote", "--profile", self.profile, "--remote-debugging-port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.log, self.sent = [], 0
        told = next(filter(None, (re.search(r"BiDi listening on (ws://\S+)", line) for line in self.process.stderr)))
        self.kept = contextlib.ExitStack()
        self.socket = self.kept.enter_context(connect(f"{told[1]}/session", max_size=None))
        self.command("session.new", capabilities={})
        self.command("session.subscribe", events=["log.entryAdded", "network.responseCompleted"])
        self.command("script.addPreloadScript", functionDeclaration=REFUSALS)
        self.keeping(False)
        self.context = self.command("browsingContext.getTree")["contexts"][0]["context"]

    def close(self):
        self.kept.close()
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stderr.close()
        shutil.rmtree(self.profile, ignore_errors=True)

    def command(self, method, **params):
        self.sent += 1
        self.socket.send(json.dumps({"id": self.sent, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv(timeout=PATIENCE))
            if answer["type"] == "event":
                self.note(answer["method"], answer["params"])
            elif answer["id"] == self.sent:
                if answer["type"] == "error":
                    raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
                return answer["result"]

    def note(self, event, params):
        if event == "log.entryAdded" and params["level"] in ("error", "warn"):
            self.log.append(f"{params['level']}: {params['text']}")
        elif event == "network.responseCompleted" and params["response"]["status"] >= 400:
            self.log.append(f"{params['response']['status']} {params['response']['url']}")

    def keeping(self, wanted):
        """Whether pages may be kept for reading offline: beside other tests that would ask for more files with each."""
        if wanted:
            self.command("script.removePreloadScript", script=self.idle)
        else:
            self.idle = self.command("script.addPreloadScript", functionDeclaration=NOT_KEPT)["script"]

    def open(self, url, width=1280, height=900):
        size = {"width": width, "height": height}
        self.command("browsingContext.setViewport", context=self.context, viewport=size)
        self.command("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def evaluate(self, function, *given):
        """What a function of JavaScript gives for values that JSON can hold, in the page."""
        body = f"async () => JSON.stringify(await ({function})(...{json.dumps(given)}))"
        answer = self.command(
            "script.callFunction", functionDeclaration=body, target={"context": self.context}, awaitPromise=True
        )
        if answer["type"] == "exception":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"].get("value", "null"))

    def wait(self, function, *given):
        """Wait until the function gives what is true. It is asked from here, since the page may become another one."""
        end = time.monotonic() + PATIENCE
        while not (answer := self.evaluate(function, *given)):
            if time.monotonic() > end:
                raise TimeoutError(f"still not true after {PATIENCE} s: {function} {given}")
            time.sleep(0.05)  # the browser is busy enough
        return answer

    def act(self, kind, actions, **more):
        source = {"type": kind, "id": kind, "actions": actions, **more}
        self.command("input.performActions", context=self.context, actions=[source])

    def click(self, x, y):
        self.point(x, y, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0})

    def point(self, x, y, *then):
        self.act("pointer", [{"type": "pointerMove", "x": round(x), "y": round(y)}, *then])

    def press(self, *keys):
        presses = [[{"type": kind, "value": KEYS.get(key, key)} for kind in ("keyDown", "keyUp")] for key in keys]
        self.act("key", [action for pair in presses for action in pair])

    def screenshot(self, path):
        data = self.command("browsingContext.captureScreenshot", context=self.context)["data"]
        Path(path).write_bytes(base64.b64decode(data))

"""A headless Chromium, driven over its DevTools protocol: only what the page's test asks of it.

No sleeps: every wait ends with an event or a condition, or fails after TIMEOUT with what was waited for.
"""

import base64
import json
import os
import shutil
import subprocess
import threading
from contextlib import contextmanager

from websockets.sync.client import connect

TIMEOUT = 60  # of any one wait, in seconds: far beyond what a loaded machine needs
_KEYS = {"ArrowRight": 39, "ArrowLeft": 37, "End": 35, "Home": 36, "Tab": 9, "Enter": 13}


def find_chromium():
    """The browser's path, None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def browser(profile):
    """A browser with a new profile in the folder; its address for `open_tab`."""
    arguments = [
        find_chromium(),
        "--headless=new",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--hide-scrollbars",
        "about:blank",
    ]
    if os.geteuid() == 0:  # Chromium's sandbox refuses root
        arguments.insert(1, "--no-sandbox")
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    guard = threading.Timer(TIMEOUT, process.kill)  # a browser that never speaks ends the loop below
    guard.start()
    try:
        said = []
        for line in process.stderr:
            said.append(line)
            if "DevTools listening on " in line:
                break
        else:
            raise AssertionError(f"chromium did not start: {''.join(said)}")
        guard.cancel()
        threading.Thread(target=process.stderr.read, daemon=True).start()  # a full pipe would stop it
        yield line.split("DevTools listening on ")[1].strip()
    finally:
        guard.cancel()
        process.kill()
        process.wait()
        process.stderr.close()


@contextmanager
def open_tab(address):
    """A new tab of the browser at this address."""
    with connect(address, max_size=None, open_timeout=TIMEOUT) as socket:
        yield Tab(socket)


class Tab:
    """One tab with all its console messages, exceptions and network requests since it was opened."""

    def __init__(self, socket):
        self.socket = socket
        self.last, self.session = 0, None
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        self.socket.send(json.dumps(message | ({"sessionId": self.session} if self.session else {})))
        while True:
            answer = json.loads(self.socket.recv(timeout=TIMEOUT))
            if answer.get("id") == self.last:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def open(self, url):
        """Load the page; returns when its scripts have run."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(json.loads(self.socket.recv(timeout=TIMEOUT)))

    def evaluate(self, expression):
        """The value of a JavaScript expression, of a promise when it is settled."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result.get("exceptionDetails")
        return result["result"].get("value")

    def wait_for(self, condition):
        """Until a JavaScript expression is true, looked at once a frame."""
        seen = self.evaluate(
            f"""new Promise((resolve) => {{
              const end = performance.now() + {1000 * TIMEOUT};
              const look = () => ({condition}) ? resolve(true)
                : performance.now() > end ? resolve(false) : requestAnimationFrame(look);
              look();
            }})"""
        )
        assert seen, f"never true: {condition}"

    def next_frame(self):
        """Until what was asked for before this call is drawn."""
        self.evaluate(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"
        )

    def press(self, key):
        for kind in ("rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=_KEYS[key]
            )

    def screen(self, width, height, *, dark=False, mobile=False):
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=mobile,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path, **clip):
        picture = self.call("Page.captureScreenshot", format="png", **clip)
        path.write_bytes(base64.b64decode(picture["data"]))

    def complaints(self):
        """Errors and warnings of the console, and exceptions that nothing caught."""
        self.evaluate("0")  # events sent before this answer are in
        found = []
        for event in self.events:
            parameters = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(parameters["exceptionDetails"])
            elif event.get("method") == "Runtime.consoleAPICalled" and parameters["type"] in (
                "error",
                "warning",
            ):
                found.append(parameters["args"])
            elif event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] in (
                "error",
                "warning",
            ):
                found.append(parameters["entry"])
        return found

    def requests(self):
        """Every address that was asked for."""
        self.evaluate("0")
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]

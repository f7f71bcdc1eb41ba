"""A real browser, driven over its DevTools protocol: what it asked for, what it complained about, what it shows."""

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import websocket

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-dev-shm-usage",
    "--no-proxy-server", "--remote-debugging-port=0", "--remote-allow-origins=*",
)  # fmt: skip
_SECONDS = 60  # a first start on a busy machine is slow


def find_browser() -> str | None:
    """A browser of this machine that starts: TOLLBOOK_BROWSER, or the first of the usual names."""
    return next(filter(_starts, (os.environ.get("TOLLBOOK_BROWSER", ""), *NAMES)), None)


def _starts(name: str) -> bool:
    program = shutil.which(name) if name else None
    if program is None:
        return False
    return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0


class Page:
    """One tab. `requests` are the URLs it asked for, `complaints` its errors, warnings and broken policies."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(address, timeout=_SECONDS, suppress_origin=True)
        self._number = 0
        self._loaded = False
        self.requests: list[str] = []
        self.complaints: list[str] = []
        for domain in ("Page", "Network", "Runtime", "Log", "Audits"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Ask the browser; what it tells meanwhile is noted."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]
            self._note(message.get("method", ""), message.get("params", {}))

    def _note(self, event: str, told: dict[str, Any]) -> None:
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["exceptionDetails"])[:500])
        elif event == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(told["args"])[:500])
        elif event == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
        elif event == "Audits.issueAdded":
            self.complaints.append(json.dumps(told["issue"])[:500])

    def show(self, width: int, height: int, scheme: str = "light") -> None:
        """Be a screen of that size whose reader prefers that colour scheme."""
        phone = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url: str, ready: str) -> None:
        """Go somewhere and wait until an expression holds there."""
        self._loaded = False
        self.call("Page.navigate", url=url)
        self.until(ready)

    def value(self, expression: str) -> Any:
        """What an expression gives on the page, promises awaited."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression holds."""
        deadline = time.monotonic() + _SECONDS
        while not self.value(f"!!({expression})"):
            assert time.monotonic() < deadline, f"never held: {expression}; {self.complaints}"
            time.sleep(0.05)

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press and release a key."""
        for kind in ("rawKeyDown" if not text else "keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """A PNG of what is shown, or of the whole page."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        """Let go of the tab."""
        self._socket.close()


@contextmanager
def browsing(program: str) -> Iterator[Page]:
    """A fresh browser with one blank tab, gone afterwards with all it kept."""
    with tempfile.TemporaryDirectory(prefix="tollbook-browser-", ignore_cleanup_errors=True) as kept:
        command = [program, *_FLAGS, f"--user-data-dir={kept}", "about:blank"]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)
        try:
            page = Page(_tab(Path(kept) / "DevToolsActivePort"))
            yield page
            page.close()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(_SECONDS)


def _tab(port_file: Path) -> str:
    deadline = time.monotonic() + _SECONDS
    while not (port_file.exists() and port_file.read_text().count("\n")):
        assert time.monotonic() < deadline, "the browser did not start"
        time.sleep(0.05)
    port = port_file.read_text().splitlines()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=_SECONDS) as answer:
        tabs = [tab for tab in json.load(answer) if tab["type"] == "page"]
    return str(tabs[0]["webSocketDebuggerUrl"])

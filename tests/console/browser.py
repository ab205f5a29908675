"""A headless Chromium, driven by the DevTools protocol over a pipe: no driver and no library is needed."""

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

PROGRAM = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), "")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
# What Chromium says, as an error, when a page asks to be kept that nobody has touched: tests write by script. A page
# under load is left before its form is told that it is saved, and then that is all there is to it.
UNTOUCHED = (
    "Blocked attempt to show a 'beforeunload' confirmation panel for a frame that never had a user gesture since its"
    " load. https://www.chromestatus.com/feature/5082396709879808"
)


class Browser:
    """One browser with one page."""

    def __init__(self, home: Path) -> None:
        to_read, self._writer = os.pipe()
        self._reader, to_write = os.pipe()
        # The protocol reads from descriptor 3 and writes to 4.
        command = f'exec "$@" 3<&{to_read} 4>&{to_write}'
        self._process = subprocess.Popen(
            ["bash", "-c", command, "bash", PROGRAM, *FLAGS, f"--user-data-dir={home}"],
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._rest = b""
        self._count = 0
        self.log: list[str] = []
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Return the result of one command."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writer, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = os.read(self._reader, 1 << 16)
            if not piece:
                raise AssertionError("The browser ended.")
            self._rest += piece
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        self._note(message)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        """Keep what a person would see in the browser's console: faults of scripts, refused resources."""
        parameters = message.get("params", {})
        entry = parameters.get("entry", {})
        if message.get("method") == "Log.entryAdded" and entry["level"] == "error":
            if entry["text"] != UNTOUCHED:
                self.log.append(f"{entry['text']} {entry.get('url', '')}")
        elif message.get("method") == "Page.javascriptDialogOpening":
            self._answer_dialog(parameters)
        elif message.get("method") == "Runtime.exceptionThrown":
            self.log.append(str(parameters["exceptionDetails"]))

    def _answer_dialog(self, parameters: dict[str, Any]) -> None:
        """Leave a page that asks whether to; note everything else that opens a window to say something."""
        if parameters["type"] != "beforeunload":
            self.log.append(f"{parameters['type']}: {parameters['message']}")
        # Nothing else is done before it is answered; the answer to this is not waited for.
        message = {"id": 0, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
        os.write(self._writer, json.dumps({**message, "sessionId": self._session}).encode() + b"\0")

    def look(self, *, width: int, height: int = 900, dark: bool = False, scripts: bool = True) -> None:
        """Say how wide the window is, which colours the person prefers, and whether scripts run."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)

    def set_cookies(self, url: str, cookies: dict[str, str]) -> None:
        """Give the browser the cookies of somebody who is signed in."""
        for name, value in cookies.items():
            self.call("Network.setCookie", url=url, name=name, value=value)

    def go(self, url: str) -> None:
        """Open a page and wait until it is there."""
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression on the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait_for(self, expression: str, *, seconds: float = 15) -> None:
        """Wait until an expression is true on the page."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            try:
                if self.evaluate(expression):
                    return
            except AssertionError:
                # The page is on its way to another.
                pass
            time.sleep(0.05)
        raise AssertionError(f"It never came true: {expression}")

    def picture(self, path: Path) -> None:
        """Keep a picture of the whole page."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 8000), "scale": 1}
        shot = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait(timeout=10)
        os.close(self._reader)
        os.close(self._writer)

    def fill(self, field: str, value: str) -> None:
        """Write into the field of this name."""
        self.evaluate(f"document.querySelector('[name={field}]').value = {json.dumps(value)}")

    def choose_file(self, field: str, path: Path) -> None:
        """Choose a file in the field of this name."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=f"[name={field}]")["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def press(self, text: str) -> None:
        """Press the button or follow the link of this text, and wait for the page that it leads to."""
        found = f"""[...document.querySelectorAll("main button, main a, nav a, .panel button")]
            .find((each) => each.textContent.trim() === {json.dumps(text)})"""
        assert self.evaluate(f"{found} !== undefined"), f"There is nothing called {text!r} on {self.address}"
        self.evaluate(f"window.isBefore = true; {found}.click()")
        self.wait_for("window.isBefore === undefined && document.readyState === 'complete'", seconds=60)

    def press_key(self, name: str, code: int) -> None:
        """Press a key of the keyboard."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, windowsVirtualKeyCode=code)

    @property
    def address(self) -> str:
        """Return the address of the page."""
        return str(self.evaluate("location.href"))

    @property
    def text(self) -> str:
        """Return what stands on the page, as a person reads it."""
        return str(self.evaluate("document.body.innerText"))

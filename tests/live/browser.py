"""Drives a headless Chromium through its own pipe: opens a page, then does what each argument says.

    browser.py FILE#FRAGMENT STEP…      eval:EXPRESSION (its value is printed) | key:NAME | hash:FRAGMENT

Whatever the page logs or its policy refuses goes to stderr as `console: …`. No address outside can be reached.
"""

import json
import os
import subprocess
import sys
import tempfile

KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "Backspace": 8}


class Browser:
    def __init__(self, profile):
        (self.hear, theirs_out), (theirs_in, self.say) = os.pipe(), os.pipe()
        # Chromium reads commands from descriptor 3 and answers on 4.
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
                 "--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1200,900", f"--user-data-dir={profile}"]
        command = ["sh", "-c", f'exec chromium "$@" 3<&{theirs_in} 4>&{theirs_out}', "sh", *flags]
        self.process = subprocess.Popen(command, pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs_in), os.close(theirs_out)
        self.number, self.rest, self.session = 0, b"", None

    def message(self):
        while b"\0" not in self.rest:
            piece = os.read(self.hear, 1 << 16)
            if not piece:
                sys.exit("the browser ended")
            self.rest += piece
        one, self.rest = self.rest.split(b"\0", 1)
        one = json.loads(one)
        told = one.get("method"), one.get("params", {})
        if told[0] == "Log.entryAdded":
            print("console:", told[1]["entry"]["text"], file=sys.stderr)
        if told[0] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            print("console:", json.dumps(told[1])[:500], file=sys.stderr)
        return one

    def call(self, method, **params):
        self.number += 1
        ask = {"id": self.number, "method": method, "params": params}
        if self.session:
            ask["sessionId"] = self.session
        os.write(self.say, json.dumps(ask).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]

    def open(self, address):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=address)
        while self.message().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, expression):
        # After a frame, so that what an event began is done.
        wait = f"new Promise(done => requestAnimationFrame(() => setTimeout(() => done({expression}), 0)))"
        result = self.call("Runtime.evaluate", expression=wait, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            sys.exit(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def press(self, name):
        for kind in ("rawKeyDown", "char", "keyUp"):
            if kind == "char" and name != "Enter":
                continue
            text = {"text": "\r"} if kind == "char" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name,
                      windowsVirtualKeyCode=KEYS[name], **text)


def main():
    address, *steps = sys.argv[1:]
    path, _, fragment = address.partition("#")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        try:
            browser.open("file://" + os.path.abspath(path) + ("#" + fragment if fragment else ""))
            for step in steps:
                what, _, argument = step.partition(":")
                if what == "key":
                    browser.press(argument)
                elif what == "hash":
                    browser.evaluate(f"void (location.hash = {json.dumps(argument)})")
                else:
                    print(browser.evaluate(argument))
        finally:
            browser.session = None
            browser.call("Browser.close")
            browser.process.wait(timeout=20)


main()

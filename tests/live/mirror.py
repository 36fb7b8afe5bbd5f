"""A mirror on loopback in front of the real ones: keeps copies on disk, writes down each request, and can damage what it serves.

--flip REGEX    flip one bit in the middle of each file whose path matches
--only REGEX    answer 404 for every path that does not match
"""

import argparse
import http.server
import os
import re
import sys
import tempfile
import threading
import urllib.error
import urllib.request


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--main", required=True)
    parser.add_argument("--security", required=True)
    parser.add_argument("--copies", required=True)
    parser.add_argument("--port-file", required=True)
    parser.add_argument("--requests", required=True)
    parser.add_argument("--flip", type=re.compile)
    parser.add_argument("--only", type=re.compile)
    return parser.parse_args()


OPTIONS = arguments()
LOG = open(OPTIONS.requests, "a", encoding="utf-8", buffering=1)
LOG_LOCK = threading.Lock()


def fetch(archive, path):
    """The whole file, from disk or from upstream; none when upstream has none."""
    copy = os.path.join(OPTIONS.copies, archive, path)
    try:
        with open(copy, "rb") as file:
            return file.read()
    except FileNotFoundError:
        pass
    upstream = OPTIONS.main if archive == "main" else OPTIONS.security
    try:
        with urllib.request.urlopen(f"{upstream.rstrip('/')}/{path}", timeout=60) as answer:
            content = answer.read()
    except urllib.error.HTTPError as error:
        if error.code in (403, 404, 410):
            return None
        raise
    os.makedirs(os.path.dirname(copy), exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(copy), delete=False) as aside:
        aside.write(content)
    os.replace(aside.name, copy)
    return content


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with LOG_LOCK:
            LOG.write(self.path + "\n")
        archive, _, path = self.path.lstrip("/").partition("/")
        # Unquoted nothing: Debian's paths are stored and asked for in the same spelling.
        if archive not in ("main", "security") or ".." in path.split("/"):
            return self.answer(404, b"")
        if OPTIONS.only and not OPTIONS.only.search(path):
            return self.answer(404, b"")
        try:
            content = fetch(archive, path)
        except OSError as error:
            print(f"{self.path}: {error}", file=sys.stderr)
            return self.answer(502, b"")
        if content is None:
            return self.answer(404, b"")
        if OPTIONS.flip and OPTIONS.flip.search(path):
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        return self.answer(200, content)

    def answer(self, status, content):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


SERVER = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
SERVER.daemon_threads = True
with open(OPTIONS.port_file + ".new", "w", encoding="utf-8") as port_file:
    port_file.write(str(SERVER.server_address[1]))
os.replace(OPTIONS.port_file + ".new", OPTIONS.port_file)
SERVER.serve_forever()

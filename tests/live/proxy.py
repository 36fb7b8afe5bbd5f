"""A proxy on loopback in front of a registry: writes down each request and what came of it, and can slow down or disturb.

--throttle BYTES        of answers' and requests' bodies, a second
--answer REGEX=STATUS[:COUNT[:SECONDS]]
                        in place of the registry, to requests `METHOD PATH` that match; the first COUNT times; with Retry-After,
                        as a date if SECONDS ends with `d`
--cut REGEX=BYTES       closes the connection after so many bytes of each answer that matches, once for each path
--largest BYTES         refuses requests with larger bodies, as web servers in front of registries do
--break REGEX=BYTES     closes the connection after so many bytes of the body of the first request that matches
--stall REGEX           never answers what matches

The log has one JSON object a line: method, path, query, headers (names in lower case), status, sent and received (bytes of bodies).
"""

import argparse
import collections
import email.utils
import http.client
import http.server
import json
import re
import sys
import threading
import time
import urllib.parse

PIECE = 64 << 10


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", type=int, required=True)
    parser.add_argument("--requests", required=True)
    parser.add_argument("--throttle", type=int)
    parser.add_argument("--answer", action="append", default=[])
    parser.add_argument("--cut")
    parser.add_argument("--largest", type=int, default=sys.maxsize)
    parser.add_argument("--break", dest="broken")
    parser.add_argument("--stall", type=re.compile)
    return parser.parse_args()


OPTIONS = arguments()
LOG = open(OPTIONS.requests, "a", encoding="utf-8", buffering=1)
LOCK = threading.Lock()
SEEN = collections.Counter()


def parsed_answers():
    for text in OPTIONS.answer:
        pattern, _, rest = text.rpartition("=")
        status, count, seconds = (rest.split(":") + ["", ""])[:3]
        yield re.compile(pattern), int(status), int(count or sys.maxsize), seconds


ANSWERS = list(parsed_answers())


def parsed_limit(text):
    pattern, _, most = (text or "").rpartition("=")
    return (re.compile(pattern), int(most)) if text else None


CUT, BREAK = parsed_limit(OPTIONS.cut), parsed_limit(OPTIONS.broken)


def first_times(what, count):
    """Whether this is among the first `count` times."""
    with LOCK:
        SEEN[what] += 1
        return SEEN[what] <= count


def slowly(pieces):
    for piece in pieces:
        yield piece
        if OPTIONS.throttle:
            time.sleep(len(piece) / OPTIONS.throttle)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        """The request's body, piece by piece, however its length is told."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            piece = self.rfile.read(min(PIECE, left))
            if not piece:
                return
            left -= len(piece)
            yield piece

    def handle_one(self):
        path, _, query = self.path.partition("?")
        headers = {name.lower(): ", ".join(self.headers.get_all(name)) for name in self.headers}
        entry = {"method": self.command, "path": path, "query": dict(urllib.parse.parse_qsl(query, keep_blank_values=True)),
                 "headers": headers, "status": 0, "sent": 0, "received": 0}
        try:
            self.pass_on(entry)
        except (BrokenPipeError, ConnectionError, http.client.HTTPException, ValueError):
            self.close_connection = True
        finally:
            with LOCK:
                LOG.write(json.dumps(entry) + "\n")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

    def counted_body(self, entry):
        asked = f"{self.command} {self.path}"
        most = BREAK[1] if BREAK and BREAK[0].search(asked) and first_times("break", 1) else None
        for piece in slowly(self.body()):
            entry["sent"] += len(piece)
            yield piece
            if most is not None and entry["sent"] >= most:
                raise ConnectionError("broken off, as asked")

    def pass_on(self, entry):
        asked = f"{self.command} {self.path}"
        if OPTIONS.stall and OPTIONS.stall.search(asked):
            time.sleep(3600)
        for pattern, status, count, seconds in ANSWERS:
            if pattern.search(asked) and first_times(pattern.pattern, count):
                return self.refuse(entry, status, seconds)
        if int(self.headers.get("Content-Length") or 0) > OPTIONS.largest:
            return self.refuse(entry, 413, "")
        upstream = http.client.HTTPConnection("127.0.0.1", OPTIONS.upstream, timeout=60)
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        has_body = chunked or int(self.headers.get("Content-Length") or 0) > 0
        # By hand, as a header may come several times.
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            upstream.putheader(name, value)
        upstream.endheaders(self.counted_body(entry) if has_body else None, encode_chunked=chunked)
        self.answer(entry, upstream.getresponse())
        upstream.close()

    def refuse(self, entry, status, seconds):
        entry["status"] = status
        self.send_response(status)
        if seconds.endswith("d"):
            seconds = email.utils.formatdate(time.time() + int(seconds[:-1]), usegmt=True)
        if seconds:
            self.send_header("Retry-After", seconds)
        self.send_header("Content-Length", "0")
        # The body was not read: nothing can follow it.
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def answer(self, entry, response):
        entry["status"] = response.status
        self.send_response_only(response.status)
        length = response.getheader("Content-Length")
        for name, value in response.getheaders():
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        if length is None:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command == "HEAD":
            return
        most = CUT[1] if CUT and CUT[0].search(f"{self.command} {self.path}") and first_times(self.path, 1) else None
        for piece in slowly(iter(lambda: response.read(PIECE), b"")):
            if most is not None and entry["received"] + len(piece) > most:
                self.wfile.write(piece[:most - entry["received"]])
                entry["received"] = most
                self.close_connection = True
                return
            self.wfile.write(piece)
            entry["received"] += len(piece)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


Server(("127.0.0.1", OPTIONS.port), Handler).serve_forever()

#!/usr/bin/env python3
"""A network of its own with one name server, for what looks names up: `names.py ANSWERS COMMAND…` runs the command there.

ANSWERS is JSON: {"NAME": ["ADDRESS", …]}; an empty list is a name without addresses, a name that is not in it does not exist. The
names "silent." and "refused." in it, whatever their list, get no answer and a refusal. What was asked is printed, a line a question.
Run as root in new mount and network namespaces (`unshare -mn`); whatever connects to port 8000 there is taken.
"""

import fcntl
import ipaddress
import json
import socket
import struct
import subprocess
import sys
import threading


def bring_loopback_up():
    with socket.socket() as any_socket:
        # SIOCSIFFLAGS with IFF_UP | IFF_RUNNING.
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x41))


def question(message):
    """The name and type that are asked for, and where the question ends."""
    labels, at = [], 12
    while message[at]:
        labels.append(message[at + 1 : at + 1 + message[at]].decode())
        at += 1 + message[at]
    (kind,) = struct.unpack_from("!H", message, at + 1)
    return ".".join(labels).lower(), kind, at + 5


def answer(message, answers):
    name, kind, end = question(message)
    print(name, {1: "A", 28: "AAAA"}.get(kind, kind), flush=True)
    found = answers.get(name)
    if found is not None and name == "silent":
        return None
    code = 5 if name == "refused" else 3 if found is None else 0
    records = b""
    count = 0
    for text in found or []:
        address = ipaddress.ip_address(text)
        if {4: 1, 6: 28}[address.version] == kind:
            # An alias before it, as clouds have them.
            records += struct.pack("!HHHIH", 0xC00C, 5, 1, 60, 4) + b"\x01x\xc0\x0c"
            records += b"\x01x\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(address.packed)) + address.packed
            count += 2
    return message[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, count, 0, 0) + message[12:end] + records


def serve_names(answers):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def run():
        while True:
            message, client = server.recvfrom(512)
            reply = answer(message, answers)
            if reply is not None:
                # One of somebody else's before it, that must be passed over.
                server.sendto(bytes([reply[0] ^ 1]) + reply[1:], client)
                server.sendto(reply, client)

    threading.Thread(target=run, daemon=True).start()


def take_connections():
    for family, address in ((socket.AF_INET, "127.0.0.2"), (socket.AF_INET6, "::1")):
        server = socket.socket(family)
        server.bind((address, 8000))
        server.listen()
        # Held for as long as this runs; nobody has to accept for a connection to stand.
        globals().setdefault("held", []).append(server)


if __name__ == "__main__":
    bring_loopback_up()
    serve_names(json.loads(sys.argv[1]))
    take_connections()
    sys.exit(subprocess.run(sys.argv[2:]).returncode)

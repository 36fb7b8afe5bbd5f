"""Lists files as sorted lines, to be held against each other: PATH KIND MODE UID GID SIZE TARGET. In paths, control characters
are escaped, as bareboat tells them.

Usage: listing.py FOLDER             what is in a mounted or unpacked root
       listing.py --inspected FILE   what `bareboat inspect --tree --format json` told of one
Directories have no size. A hard link is what it is a link to.
"""

import json
import os
import stat
import sys

KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFCHR: "device", stat.S_IFBLK: "device",
         stat.S_IFIFO: "pipe"}


def of_folder(root):
    root = os.fsencode(root)
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            found = os.lstat(path)
            kind = KINDS[stat.S_IFMT(found.st_mode)]
            target = os.readlink(path) if kind == "symlink" else b""
            yield (shown(path[len(root):]), kind, "" if kind == "symlink" else f"{stat.S_IMODE(found.st_mode):04o}", found.st_uid, found.st_gid,
                   found.st_size if kind == "file" else 0, shown(target))


def of_inspected(file):
    for one in json.load(open(file, encoding="utf-8"))["files"]:
        kind, path = one["kind"], one["path"]
        if path == "/":
            continue
        yield (path, kind, "" if kind == "symlink" else one["mode"][-4:].rjust(4, "0"), one["uid"], one["gid"],
               one["bytes"] if kind == "file" else 0, one.get("target") or "")


def shown(path):
    """As `bareboat_model::escape` shows it."""
    text = path.decode(errors="backslashreplace")
    return "".join(one if one.isprintable() else {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(one, f"\\u{{{ord(one):x}}}") for one in text)


lines = of_inspected(sys.argv[2]) if sys.argv[1] == "--inspected" else of_folder(sys.argv[1])
for line in sorted(lines):
    print(*line)

"""What differs between two unpacked roots: a line a path, as `bareboat diff --semantic` tells it."""

import hashlib
import os
import stat
import sys


def look(path):
    """Kind, content, link, mode, owner, extended attributes of what is at a path."""
    found = os.lstat(path)
    kind = stat.S_IFMT(found.st_mode)
    content = link = None
    if stat.S_ISREG(kind):
        with open(path, "rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    elif stat.S_ISLNK(kind):
        link = os.readlink(path)
    mode = None if link is not None else stat.S_IMODE(found.st_mode)
    attributes = {name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)}
    return {"kind": kind, "content": content, "link": link, "mode": mode, "owner": (found.st_uid, found.st_gid), "xattrs": attributes}


def tree(root):
    found = {"/": look(root)}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            found["/" + os.path.relpath(path, root)] = look(path)
    return found


def differences(one, other):
    if one["kind"] != other["kind"]:
        # Contents and targets of different kinds are not compared.
        one, other = ({key: value for key, value in it.items() if key not in ("content", "link")} for it in (one, other))
    return sorted(key for key in one if one[key] != other[key] and not (key == "mode" and None in (one[key], other[key])))


before, after = (tree(root) for root in sys.argv[1:3])
for path in before.keys() | after.keys():
    if path not in after:
        print(f"removed {path} ")
    elif path not in before:
        print(f"added {path} ")
    elif found := differences(before[path], after[path]):
        print(f"changed {path} {','.join(found)}")

#!/usr/bin/env python3
"""What layers carry in vain, by putting their tars on one another; and Docker archives made by chance to try that on.

Usage: stacked.py waste FILE…                Docker archives: one JSON object a line, {"bytes": …, "paths": {PATH: BYTES}}
       stacked.py chance FOLDER COUNT        archives of layers that do to each other all that layers can; prints their names

A content is carried in vain if no name in the end leads to it. It counts where it was, or where the uppermost of its directories was
that is gone, of which nothing has the path now. Paths below symbolic links are not followed: there are none in what is made here.
"""

import gzip
import hashlib
import io
import json
import pathlib
import random
import sys
import tarfile

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
NAMES = ["a", "b", "c", "dir", "ü", "with space"]


class Content:
    def __init__(self, size, names):
        self.size, self.names = size, names


class Stack:
    """Directories are dicts, files their contents, and all else None."""

    def __init__(self):
        self.root, self.contents = {}, []

    def folder(self, names, make=False):
        at = self.root
        for name in names:
            if not isinstance(at.get(name), dict):
                if not make:
                    return None
                at[name] = {}
            at = at[name]
        return at

    def take_away(self, names):
        """Before anything of the layer is put: a whiteout speaks of lower layers alone."""
        *folder, last = names
        folder = self.folder(folder)
        if folder is None:
            return
        if last == OPAQUE:
            folder.clear()
        else:
            folder.pop(last.removeprefix(WHITEOUT), None)

    def put(self, names, member):
        *folder, last = names
        if member.isdir():
            self.folder(names, make=True)
            return
        if member.islnk():
            found = self.at(parts(member.linkname))
            found.names.append(names)
        elif member.isreg():
            found = Content(member.size, [names])
            self.contents.append(found)
        else:
            found = None
        self.folder(folder, make=True)[last] = found

    def at(self, names):
        *folder, last = names
        return (self.folder(folder) or {}).get(last)

    def is_there(self, names):
        *folder, last = names
        return last in (self.folder(folder) or {})

    def files(self, at=None, names=()):
        """Each name of a content."""
        for name, node in (self.root if at is None else at).items():
            if isinstance(node, dict):
                yield from self.files(node, names + (name,))
            elif node is not None:
                yield names + (name,), node

    def layer(self, members):
        named = [(parts(member.name), member) for member in members]
        for names, _ in named:
            if names and names[-1].startswith(WHITEOUT):
                self.take_away(names)
        for names, member in named:
            if names and not names[-1].startswith(WHITEOUT):
                self.put(names, member)

    def waste(self):
        kept = {id(content) for _, content in self.files()}
        lost = [content for content in self.contents if id(content) not in kept]
        paths = {}
        for content in lost:
            place = content.names[0]
            while len(place) > 1 and not self.is_there(place[:-1]):
                place = place[:-1]
            place = "/" + "/".join(place)
            paths[place] = paths.get(place, 0) + content.size
        return {"bytes": sum(content.size for content in lost), "paths": {path: size for path, size in sorted(paths.items()) if size}}


def parts(path):
    return tuple(part for part in path.split("/") if part not in ("", "."))


def waste(file):
    with tarfile.open(file) as archive:
        read = lambda name: archive.extractfile(name).read()
        stack = Stack()
        for name in json.loads(read("manifest.json"))[0]["Layers"]:
            content = read(name)
            content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
            stack.layer(tarfile.open(fileobj=io.BytesIO(content)).getmembers())
        return stack.waste()


def member(dice, known, kept):
    """Most are of paths that are there already, so that something happens to them. Nothing goes below a link, and hard links are to
    what stays until the last layer: all else no engine could mount."""
    name = dice.choice(known) if known and dice.random() < 0.6 else "/".join(dice.choices(NAMES, k=dice.randint(1, 4)))
    known.append(name)
    folder, _, last = name.rpartition("/")
    info = tarfile.TarInfo(dice.choice(["", "", "", "./"]) + name)
    match dice.choices(["file", "directory", "link", "hard link", "whiteout", "opaque", "pipe"], [8, 4, 1, 2, 3, 1, 0.5])[0]:
        case "file":
            info.size = dice.choice([0, 1, 511, 512, 513, dice.randint(1, 9000)])
        case "directory":
            info.type = tarfile.DIRTYPE
        case "link":
            info.name, info.type, info.linkname = f"link{dice.randint(0, 3)}", tarfile.SYMTYPE, dice.choice(["/nowhere", "../else"])
        case "hard link":
            info.type, info.linkname = tarfile.LNKTYPE, dice.choice(kept)
        case "whiteout":
            info.name = f"{folder}/{WHITEOUT}{last}"
        case "opaque":
            info.name = f"{name}/{OPAQUE}"
        case "pipe":
            info.type = tarfile.FIFOTYPE
    info.mode, info.uid = dice.choice([0o755, 0o644, 0o4755]), dice.choice([0, 1000])
    return info


def packed(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for one in members:
            tar.addfile(one, io.BytesIO(bytes(one.size)))
    return out.getvalue()


def layers(dice):
    known, kept = [], []
    for number in range(dice.randint(1, 6)):
        own = tarfile.TarInfo(f"kept{number}")
        own.size = dice.randint(0, 5000)
        kept.append(own.name)
        yield packed([own] + [member(dice, known, kept) for _ in range(dice.randint(0, 25))])
    yield packed([tarfile.TarInfo(WHITEOUT + one) for one in kept if dice.random() < 0.5])


def archive(file, dice):
    parts = {}
    for content in layers(dice):
        parts[hashlib.sha256(content).hexdigest()] = content
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [f"sha256:{one}" for one in parts]}}
    manifest = [{"Config": "config.json", "RepoTags": ["chance:1"], "Layers": [f"{one}/layer.tar" for one in parts]}]
    files = {f"{one}/layer.tar": content for one, content in parts.items()}
    files |= {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    with tarfile.open(file, "w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


if sys.argv[1] == "waste":
    for file in sys.argv[2:]:
        print(json.dumps(waste(file)))
else:
    for number in range(int(sys.argv[3])):
        file = pathlib.Path(sys.argv[2]) / f"chance-{number}.tar"
        archive(file, random.Random(number))
        print(file)

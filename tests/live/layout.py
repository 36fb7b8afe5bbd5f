#!/usr/bin/env python3
"""Makes an OCI layout by hand, from members that no tool would write.

Usage: layout.py LAYOUT CONFIG-JSON LAYER…       each LAYER one argument of members, separated by spaces:
  PATH           an empty file              PATH/          a directory
  PATH->TARGET   a symbolic link            PATH=>TARGET   a hard link
  PATH<FILE      a file of this machine's   PATH*NUMBER    a block device (major 8)
A member may end in %MODE (octal), such as /su<probes%4755."""

import hashlib
import io
import json
import pathlib
import sys
import tarfile


def member(tar, text):
    text, _, mode = text.partition("%")
    info, content = tarfile.TarInfo(), b""
    if "->" in text:
        info.name, info.linkname = text.split("->")
        info.type = tarfile.SYMTYPE
    elif "=>" in text:
        info.name, info.linkname = text.split("=>")
        info.type = tarfile.LNKTYPE
    elif "<" in text:
        info.name, file = text.split("<")
        content = pathlib.Path(file).read_bytes()
    elif "*" in text:
        info.name, number = text.split("*")
        info.type, info.devmajor, info.devminor = tarfile.BLKTYPE, 8, int(number)
    else:
        info.name = text
        info.type = tarfile.DIRTYPE if text.endswith("/") else tarfile.REGTYPE
    info.mode = int(mode, 8) if mode else 0o755
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def layer(text):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for one in text.split():
            member(tar, one)
    return out.getvalue()


def main():
    folder, config, *layers = sys.argv[1:]
    blobs = pathlib.Path(folder) / "blobs/sha256"
    blobs.mkdir(parents=True)

    def blob(kind, content):
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}

    document = lambda value: json.dumps(value).encode()
    parts = [blob("layer.v1.tar", layer(text)) for text in layers]
    diff_ids = [part["digest"] for part in parts]
    image = {"architecture": "amd64", "os": "linux", "config": json.loads(config),
             "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    manifest = {"schemaVersion": 2, "config": blob("config.v1+json", document(image)), "layers": parts}
    index = {"schemaVersion": 2, "manifests": [blob("manifest.v1+json", document(manifest))]}
    (pathlib.Path(folder) / "index.json").write_bytes(document(index))
    (pathlib.Path(folder) / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


main()

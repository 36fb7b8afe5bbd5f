#!/usr/bin/env python3
"""Makes an OCI layout with one small image of each kind that is out there, each under the name of its kind.

Usage: kinds.py LAYOUT      prints a line for each: NAME DIGEST, and `one` where an engine can hold it, `several` where it can hold
                            a platform of it, or `none`
"""

import gzip
import hashlib
import io
import json
import pathlib
import struct
import subprocess
import sys
import tarfile

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
EMPTY = "application/vnd.oci.empty.v1+json"
LAYOUT = pathlib.Path(sys.argv[1])
BLOBS = LAYOUT / "blobs/sha256"
NAMED = []


def put(kind, content, **more):
    digest = hashlib.sha256(content).hexdigest()
    (BLOBS / digest).write_bytes(content)
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)} | more


def document(kind, value, **more):
    # As nobody else would write it: whoever reads it and writes it anew loses the digest.
    return put(kind, ("\n" + json.dumps(value, indent=3) + "\n").encode(), **more)


def tar(name, size=3000):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for number in range(3):
            info = tarfile.TarInfo(f"{name}/{number}")
            info.size = size
            archive.addfile(info, io.BytesIO(f"{name} {number} ".encode() * size))
    return out.getvalue()


def frames(content):
    """Zstandard in several frames, with frames to be skipped before, between and after them, as seekable formats have."""
    skipped = struct.pack("<II", 0x184D2A53, 5) + b"12345"
    pieces = [content[:2000], content[2000:7000], b"", content[7000:]]
    one = lambda piece: subprocess.run(["zstd", "-q", "-c"], input=piece, stdout=subprocess.PIPE, check=True).stdout
    return skipped + skipped.join(one(piece) for piece in pieces) + skipped


def members(content):
    """gzip in several members, as pigz and bgzip write it."""
    return b"".join(gzip.compress(piece, mtime=0) for piece in (content[:2000], b"", content[2000:]))


def layer(name, packed=lambda content: gzip.compress(content, mtime=0), kind=OCI + "layer.v1.tar+gzip"):
    content = tar(name)
    return put(kind, packed(content)), "sha256:" + hashlib.sha256(content).hexdigest()


def image(layers, architecture="amd64", docker=False, config=None, **more):
    settings = {"architecture": architecture, "os": "linux", "config": {"Env": ["PATH=/bin"]}, "rootfs": {"type": "layers", "diff_ids": [one for _, one in layers]}}
    kinds = (DOCKER + "container.image.v1+json", DOCKER + "distribution.manifest.v2+json") if docker else (OCI + "config.v1+json", OCI + "manifest.v1+json")
    manifest = {"schemaVersion": 2, "mediaType": kinds[1], "config": document(kinds[0], settings | (config or {})), "layers": [one for one, _ in layers]}
    return document(kinds[1], manifest | more)


def index(manifests, docker=False, **more):
    kind = DOCKER + "distribution.manifest.list.v2+json" if docker else OCI + "index.v1+json"
    return document(kind, {"schemaVersion": 2, "mediaType": kind, "manifests": manifests} | more)


def for_platform(found, architecture, **more):
    return found | {"platform": {"architecture": architecture, "os": "linux"}} | more


def named(name, found, engines):
    NAMED.append(found | {"annotations": {"org.opencontainers.image.ref.name": name}})
    print(name, found["digest"], engines)


def referrer(subject, note):
    """What is attached to a manifest; known by its subject alone, and in a layout by its place in the index."""
    empty = put(EMPTY, b"{}")
    subject = {name: subject[name] for name in ("mediaType", "digest", "size")}
    kind = OCI + "manifest.v1+json"
    return document(kind, {"schemaVersion": 2, "mediaType": kind, "artifactType": "application/vnd.example.note", "config": empty,
                           "layers": [put("text/plain", note)], "subject": subject})


def main():
    BLOBS.mkdir(parents=True)
    base, upper = layer("base"), layer("upper")
    dockers = DOCKER + "image.rootfs.diff.tar.gzip"
    amd, arm = image([base, upper]), image([base, layer("arm")], "arm64")

    named("plain", image([layer("plain", bytes, OCI + "layer.v1.tar")]), "one")
    named("zstd", image([base, layer("zstd", frames, OCI + "layer.v1.tar+zstd")]), "one")
    named("members", image([layer("members", members)]), "one")
    named("twice", image([base, upper, base]), "one")
    named("unknown", image([(base[0] | {"x-of-layer": [1.50, "é"], "annotations": {"a": "b"}}, base[1])], config={"x-of-config": {"z": 1, "a": 1e3}},
                           annotations={"note": "\u2028"}, **{"x-of-manifest": None}), "one")
    named("untyped", document(OCI + "manifest.v1+json", {"schemaVersion": 2, "config": json.loads((BLOBS / amd["digest"][7:]).read_bytes())["config"],
                                                         "layers": [base[0], upper[0]]}), "one")
    named("docker", image([layer("docker", kind=dockers)], docker=True), "one")
    named("several", index([for_platform(amd, "amd64", annotations={"x": "y"}), for_platform(arm, "arm64", **{"x-of-entry": 7})],
                           annotations={"n": "o"}, **{"x-of-index": [None]}), "several")
    named("nested", index([index([for_platform(amd, "amd64")]), index([index([for_platform(arm, "arm64")])])]), "several")
    list_of = [for_platform(image([layer(one, kind=dockers)], one, docker=True), one) for one in ("amd64", "arm64")]
    named("docker-list", index(list_of, docker=True), "several")
    # What buildkit adds: manifests of no platform, which tell of those of one.
    told = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": amd["digest"]}
    statement = put("application/vnd.in-toto+json", b"{}"), "sha256:" + hashlib.sha256(b"{}").hexdigest()
    attestation = image([statement], "unknown", config={"os": "unknown"})
    named("attested", index([for_platform(amd, "amd64"), attestation | {"platform": {"architecture": "unknown", "os": "unknown"}, "annotations": told}]), "several")
    far = {"mediaType": OCI + "layer.nondistributable.v1.tar+gzip", "digest": "sha256:" + "5" * 64, "size": 1000, "urls": ["https://layers.invalid/5"]}
    named("foreign", image([(far, "sha256:" + "6" * 64), upper]), "none")
    kind = OCI + "manifest.v1+json"
    chart = {"schemaVersion": 2, "mediaType": kind, "artifactType": "application/vnd.example.chart", "config": put(EMPTY, b"{}", data="e30="), "layers": [put("text/plain", b"chart")]}
    named("artifact", document(kind, chart), "none")
    signed = image([upper])
    named("signed", signed, "one")
    note = referrer(signed, b"note")
    NAMED.extend([note, referrer(note, b"note on the note")])
    (LAYOUT / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": NAMED}))
    (LAYOUT / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


main()

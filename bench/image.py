#!/usr/bin/env python3
"""Makes an OCI layout with an image of many files that is always the same, of about as compressible bytes as programs and texts are.

Usage: image.py LAYOUT[:TAG] [--megabytes N] [--layers N] [--variant N] [--compression gzip|zstd|none] [--platforms OS/ARCH,…] [--docker]

--megabytes is the size of the layers together, compressed. Of two variants, all but the last quarter of the layers are the same. With
several platforms there is an index, as also with --index. --docker writes Docker's media types (schema 2). What later layers do is
what images do: most files are new, some replace others, some are removed.
"""

import argparse
import gzip
import hashlib
import io
import json
import multiprocessing
import pathlib
import random
import subprocess
import tarfile

POOL = 4 << 20
PIECE = 4 << 10
# Of a layer's bytes, those that do not compress, as in archives and pictures.
DENSE = 0.1
# What is left of such a layer by gzip -6: measured, and only to come near the wanted size.
RATIO = 0.455
KINDS = {
    False: {"layer": "application/vnd.oci.image.layer.v1.tar", "config": "application/vnd.oci.image.config.v1+json",
            "manifest": "application/vnd.oci.image.manifest.v1+json", "index": "application/vnd.oci.image.index.v1+json"},
    True: {"layer": "application/vnd.docker.image.rootfs.diff.tar", "config": "application/vnd.docker.container.image.v1+json",
           "manifest": "application/vnd.docker.distribution.manifest.v2+json",
           "index": "application/vnd.docker.distribution.manifest.list.v2+json"},
}


def pool():
    """Text of words that are as frequent as words are."""
    dice = random.Random("pool")
    words = ["".join(dice.choices("etaoinshrdlcumwfgypbvkjxqz_", k=dice.randint(2, 11))) for _ in range(6000)]
    chosen = dice.choices(words, weights=[1 / (n + 8) for n in range(len(words))], k=POOL // 5)
    return " ".join(chosen).encode()[:POOL]


def contents(dice, text, size):
    pieces = []
    while size > 0:
        length = min(size, PIECE * dice.randint(1, 8))
        if dice.random() < DENSE:
            pieces.append(dice.randbytes(length))
        else:
            start = dice.randrange(len(text) - length)
            pieces.append(text[start:start + length])
        size -= length
    return b"".join(pieces)


def names(number, dice):
    folders = [f"usr/lib/part{number}/{''.join(dice.choices('abcdefgh', k=5))}" for _ in range(24)]
    while True:
        yield f"{dice.choice(folders)}/{''.join(dice.choices('ijklmnopqrstuvwxyz', k=9))}.so"


def layer_tar(number, variant, size):
    """The tar of a layer: its own files, some of the layer below once more, and some of that removed."""
    dice = random.Random(f"layer {number} {variant}")
    text = pool()
    out = io.BytesIO()
    written = 0
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        def add(name, content):
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = len(content), 0o644, 1_700_000_000
            tar.addfile(info, io.BytesIO(content))

        below = [name for name, _ in zip(names(number - 1, random.Random(f"layer {number - 1} 0")), range(200))] if number else []
        for name in below[:10]:
            add(name, contents(dice, text, 20_000))
        for name in below[10:20]:
            folder, _, file = name.rpartition("/")
            add(f"{folder}/.wh.{file}", b"")
        for name in names(number, random.Random(f"layer {number} 0")):
            length = int(min(200 * 2 ** dice.uniform(0, 15), max(size - written, 1)))
            add(name, contents(dice, text, length))
            written += length
            if written >= size:
                break
    return out.getvalue()


def compressed(tar, compression):
    if compression == "none":
        return "", tar
    if compression == "zstd":
        return "+zstd", subprocess.run(["zstd", "-3", "-q", "--no-progress", "-c"], input=tar, stdout=subprocess.PIPE, check=True).stdout
    return "+gzip", gzip.compress(tar, 6, mtime=0)


def made_layer(job):
    blobs, number, variant, size, compression, docker = job
    tar = layer_tar(number, variant, size)
    suffix, bytes_ = compressed(tar, compression)
    kind = KINDS[docker]["layer"] + (suffix.replace("+", ".") if docker else suffix)
    return put(blobs, kind, bytes_), f"sha256:{hashlib.sha256(tar).hexdigest()}"


def put(blobs, kind, content):
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}


def document(value):
    return json.dumps(value, separators=(",", ":")).encode()


def image(blobs, layers, platform, docker):
    os_, architecture = platform.split("/")
    kinds = KINDS[docker]
    config = {"architecture": architecture, "os": os_, "created": "2023-11-14T22:13:20Z",
              "config": {"Entrypoint": ["/usr/bin/made"], "Env": ["PATH=/usr/bin"], "Labels": {"platform": platform}},
              "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
              "history": [{"created": "2023-11-14T22:13:20Z", "created_by": f"layer {number}"} for number in range(len(layers))]}
    manifest = {"schemaVersion": 2, "mediaType": kinds["manifest"], "config": put(blobs, kinds["config"], document(config)),
                "layers": [layer for layer, _ in layers]}
    return put(blobs, kinds["manifest"], document(manifest)) | {"platform": {"architecture": architecture, "os": os_}}


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("Usage: ")[1].splitlines()[0])
    parser.add_argument("layout")
    parser.add_argument("--megabytes", type=float, default=300)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--variant", type=int, default=0)
    parser.add_argument("--compression", choices=["gzip", "zstd", "none"], default="gzip")
    parser.add_argument("--platforms", default="linux/amd64")
    parser.add_argument("--index", action="store_true")
    parser.add_argument("--docker", action="store_true")
    options = parser.parse_args()

    folder, _, tag = options.layout.partition(":")
    blobs = pathlib.Path(folder) / "blobs/sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    raw = int(options.megabytes * 1e6 / RATIO / options.layers)
    same = options.layers - options.layers // 4
    platforms = options.platforms.split(",")
    # The platforms share all layers but the last.
    jobs = [(blobs, number, options.variant if number >= same else 0, raw, options.compression, options.docker)
            for number in range(options.layers + len(platforms) - 1)]
    with multiprocessing.Pool() as workers:
        layers = workers.map(made_layer, jobs, chunksize=1)
    shared = layers[:options.layers - 1]
    images = [image(blobs, shared + [layers[options.layers - 1 + n]], platform, options.docker) for n, platform in enumerate(platforms)]
    top = images[0]
    if len(images) > 1 or options.index:
        kind = KINDS[options.docker]["index"]
        top = put(blobs, kind, document({"schemaVersion": 2, "mediaType": kind, "manifests": images}))
    top = {key: value for key, value in top.items() if key != "platform"}
    index = {"schemaVersion": 2, "manifests": [top | {"annotations": {"org.opencontainers.image.ref.name": tag or "latest"}}]}
    (pathlib.Path(folder) / "index.json").write_bytes(document(index))
    (pathlib.Path(folder) / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    print(top["digest"])


if __name__ == "__main__":
    main()

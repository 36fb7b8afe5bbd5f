"""Says what places hold of an image, read without bareboat and with every digest and size checked: a line a place, PLACE MANIFEST CONFIG.

Usage: holds.py PLACE…      oci:FOLDER:NAME  oci-archive:FILE:NAME  docker-archive:FILE  docker-daemon:NAME  HOST/NAME:TAG

MANIFEST may be an index; CONFIG is of its image for linux/amd64. `-` is what there is none of. In place of a name a digest may stand.
Layers of a Docker archive are held against the config's diff IDs.
"""

import gzip
import hashlib
import http.client
import json
import pathlib
import subprocess
import sys
import tarfile

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def in_layout(read, name):
    found = [one for one in json.loads(read("index.json"))["manifests"]
             if name in (one["digest"], one.get("annotations", {}).get("org.opencontainers.image.ref.name"))]
    assert len(found) == 1, f"{len(found)} of {name}"
    return found[0], lambda one: read("blobs/" + one["digest"].replace(":", "/"))


def in_archive(file):
    archive = tarfile.open(file)
    return lambda path: archive.extractfile(path).read()


def in_registry(place):
    host, _, rest = place.partition("/")
    name, _, tag = rest.rpartition("@" if "@" in rest else ":")

    def get(path):
        connection = http.client.HTTPConnection(host)
        connection.request("GET", f"/v2/{name}/{path}", headers={"Accept": ", ".join(INDEXES + MANIFESTS)})
        response = connection.getresponse()
        assert response.status == 200, f"{path}: {response.status}"
        return response.getheader("Content-Type"), response.read()

    kind, content = get(f"manifests/{tag}")
    top = {"mediaType": kind, "digest": digest_of(content), "size": len(content)}
    return top, lambda one: get(("manifests/" if one["mediaType"] in INDEXES + MANIFESTS else "blobs/") + one["digest"])[1]


def walked(top, blob):
    """The configs that are for linux/amd64, or for nothing in particular."""
    content = blob(top)
    assert (digest_of(content), len(content)) == (top["digest"], top["size"]), f"{top['digest']} is another"
    if top["mediaType"] in INDEXES:
        for one in json.loads(content)["manifests"]:
            configs = walked(one, blob)
            if one.get("platform", {}).get("architecture", "amd64") == "amd64":
                yield from configs
            else:
                list(configs)
    elif top["mediaType"] in MANIFESTS:
        manifest = json.loads(content)
        for one in [manifest["config"]] + [layer for layer in manifest["layers"] if "urls" not in layer]:
            list(walked(one, blob))
        yield manifest["config"]["digest"]


def in_docker_archive(read):
    manifest, = json.loads(read("manifest.json"))
    config = read(manifest["Config"])
    for layer, diff_id in zip(manifest["Layers"], json.loads(config)["rootfs"]["diff_ids"], strict=True):
        content = read(layer)
        assert digest_of(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content) == diff_id, f"{layer} is another"
    return digest_of(config)


def held(place):
    transport, _, rest = place.partition(":")
    if transport == "docker-archive":
        return "-", in_docker_archive(in_archive(rest))
    if transport == "docker-daemon":
        told = subprocess.run(["docker", "image", "inspect", "-f", "{{.Id}}", rest], check=True, capture_output=True, text=True)
        return "-", told.stdout.strip()
    path, _, name = rest.partition(":")
    readers = {"oci": lambda: in_layout(lambda file: (pathlib.Path(path) / file).read_bytes(), name),
               "oci-archive": lambda: in_layout(in_archive(path), name)}
    top, blob = readers.get(transport, lambda: in_registry(place))()
    configs = list(walked(top, blob))
    return top["digest"], configs[0] if configs else "-"


for place in sys.argv[1:]:
    print(place, *held(place))

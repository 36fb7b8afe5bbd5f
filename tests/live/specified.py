"""Holds a log of proxy.py against the endpoints that the OCI distribution specification 1.1 names: each request must be one of them.

Usage: specified.py LOG [ID…]       prints how often each was used; fails for what is not specified, and for an ID that was not used.
"""

import collections
import json
import re
import sys

# "<name> MUST match the following regular expression", and those of tags and digests (pulling manifests; content digests of the
# image specification).
PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
NAME = rf"(?P<name>{PART}(?:/{PART})*)"
TAG = r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"
DIGEST = r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+"
REFERENCE = rf"(?:{TAG}|{DIGEST})"
SESSION = r"[^/?]+"
BYTES = {"content-type": "application/octet-stream"}
MANIFEST_TYPES = (r"application/vnd\.(?:oci\.image\.(?:manifest|index)\.v1|"
                  r"docker\.distribution\.manifest(?:\.list)?\.v2)\+json")

# id, methods, path, what the query must have and may have, headers that must be there, by pattern. The more special come first.
ENDPOINTS = [
    ("end-1", "GET", r"", {}, {}, {}),
    ("end-2", "GET HEAD", rf"{NAME}/blobs/{DIGEST}", {}, {}, {}),
    ("end-3", "GET HEAD", rf"{NAME}/manifests/{REFERENCE}", {}, {},
     # "The client SHOULD include an Accept header indicating which manifest content types it supports."
     {"accept": r"application/vnd\.oci\.image\.(manifest|index)\.v1\+json"}),
    ("end-11", "POST", rf"{NAME}/blobs/uploads/", {"mount": DIGEST}, {"from": NAME}, {}),
    ("end-4b", "POST", rf"{NAME}/blobs/uploads/", {"digest": DIGEST}, {}, BYTES | {"content-length": r"\d+"}),
    ("end-4a", "POST", rf"{NAME}/blobs/uploads/", {}, {}, {"content-length": "0"}),
    # Of a chunk, "Content-Length" and "Content-Range" are told; "-" is between its ends, both inclusive.
    ("end-5", "PATCH", rf"{NAME}/blobs/uploads/{SESSION}", {}, {"*": ".*"},
     BYTES | {"content-length": r"\d+", "content-range": r"\d+-\d+"}),
    ("end-6", "PUT", rf"{NAME}/blobs/uploads/{SESSION}", {"digest": DIGEST}, {"*": ".*"}, {"content-length": r"\d+"}),
    # "The client SHOULD set the Content-Type header."
    ("end-7", "PUT", rf"{NAME}/manifests/{REFERENCE}", {}, {}, {"content-type": MANIFEST_TYPES}),
    ("end-8", "GET", rf"{NAME}/tags/list", {}, {"n": r"\d+", "last": r".+"}, {}),
    ("end-9", "DELETE", rf"{NAME}/manifests/{REFERENCE}", {}, {}, {}),
    ("end-10", "DELETE", rf"{NAME}/blobs/{DIGEST}", {}, {}, {}),
    ("end-12", "GET", rf"{NAME}/referrers/{DIGEST}", {}, {"artifactType": ".+", "*": ".*"}, {}),
    ("end-13", "GET", rf"{NAME}/blobs/uploads/{SESSION}", {}, {"*": ".*"}, {}),
]


def fits(endpoint, request):
    _, methods, path, must, may, headers = endpoint
    query = request["query"]
    return (request["method"] in methods.split()
            and re.fullmatch(f"/v2/{path}", request["path"])
            and all(name in query and re.fullmatch(pattern, query[name]) for name, pattern in must.items())
            and all(name in must or "*" in may or name in may and re.fullmatch(may[name], value) for name, value in query.items())
            and all(re.search(pattern if name == "accept" else rf"^(?:{pattern})$", request["headers"].get(name, ""))
                    for name, pattern in headers.items()))


def main():
    log, *expected = sys.argv[1:]
    used, wrong = collections.Counter(), 0
    for line in open(log, encoding="utf-8"):
        request = json.loads(line)
        found = next((endpoint[0] for endpoint in ENDPOINTS if fits(endpoint, request)), None)
        used[found] += 1
        # A body of a PUT that ends an upload is a blob, or what is left of it.
        if found == "end-6" and request["sent"] and request["headers"].get("content-type") != "application/octet-stream":
            found = None
        if found is None:
            wrong += 1
            print("not specified:", json.dumps(request))
    print(", ".join(f"{name} {count}" for name, count in sorted(used.items(), key=str)))
    missing = [name for name in expected if not used[name]]
    if missing:
        print("not used:", ", ".join(missing))
    return 1 if wrong or missing else 0


sys.exit(main())

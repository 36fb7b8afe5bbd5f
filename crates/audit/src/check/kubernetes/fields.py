#!/usr/bin/env python3
"""Writes fields.txt: the fields of pods and of what holds pods, with their types, out of Kubernetes' own Go types.

Usage: fields.py VERSION >fields.txt        # such as v0.36.0, the version of the Go modules k8s.io/api and k8s.io/apimachinery
"""

import json
import re
import subprocess
import sys

ROOTS = ["Pod", "PodTemplate", "ReplicationController", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob"]
SCALARS = {"string": "string", "bool": "boolean", "int32": "integer", "int64": "integer", "[]byte": "string",
           "Quantity": "quantity", "IntOrString": "integer or string", "Time": "string", "MicroTime": "string", "UID": "string"}


def module(name, version):
    told = subprocess.run(["go", "mod", "download", "-json", f"{name}@{version}"], check=True, capture_output=True)
    return json.loads(told.stdout)["Dir"]


def read(path, structs, kinds):
    """The structs of a file with their fields, and what its other types are."""
    text = open(path, encoding="utf-8").read()
    for name, body in re.findall(r"^type (\w+) struct \{\n(.*?)^\}", text, re.M | re.S):
        structs[name] = re.findall(r'^\s*(?:\w+\s+)?([\w.*\[\]]+)\s+`json:"([^"]*)"', body, re.M)
    kinds.update(re.findall(r"^type (\w+) (string|int32|int64|map\[.*\].*)$", text, re.M))


def main():
    api, machinery = module("k8s.io/api", sys.argv[1]), module("k8s.io/apimachinery", sys.argv[1])
    structs, kinds = {}, {}
    read(machinery + "/pkg/apis/meta/v1/types.go", structs, kinds)
    for group in "core", "apps", "batch":
        read(f"{api}/{group}/v1/types.go", structs, kinds)

    def type_of(go):
        go = go.lstrip("*")
        if go.startswith("[]") and go != "[]byte":
            return "list of " + type_of(go[2:])
        if go.startswith("map["):
            return "map of " + type_of(go[go.index("]") + 1:])
        name = go.split(".")[-1]
        if name in kinds:
            return type_of(kinds[name])
        return SCALARS.get(name) or (name if name in structs else "any")

    def fields(struct):
        for go, tag in structs[struct]:
            name = tag.split(",")[0]
            if not name:
                yield from fields(go.split(".")[-1])
            else:
                yield name, "any" if name == "status" else type_of(go)

    print(f"# Made by fields.py from the Go types of Kubernetes, k8s.io/api {sys.argv[1]} (Apache-2.0).")
    done, todo = {}, list(ROOTS)
    while todo:
        struct = todo.pop()
        if struct not in done:
            done[struct] = sorted(set(fields(struct)))
            todo += [named for _, kind in done[struct] if (named := kind.split()[-1]) in structs]
    for struct in sorted(done):
        print(struct)
        for name, kind in done[struct]:
            print(f"    {name}: {kind}")


main()

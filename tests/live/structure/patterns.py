#!/usr/bin/env python3
"""Writes a structure test for each of many regular expressions: `patterns.py FOLDER` makes FOLDER/valid.yaml, one test for an
expression on /etc/text, and FOLDER/invalid-N.yaml, each with one expression that Go does not take."""

import json
import pathlib
import sys

VALID = [
    "", "first", "FIRST", "(?i)FIRST", "^first", "line$", "(?m)line$", r"line\z", r"é\n\z", "^.*$", "(?s)^.*$", r"\d", r"\D", r"\w+ \w+",
    r"\bé", r"\Bé", r"third: \w", r"third: \W", r"[[:alpha:]]+", r"[[:^alpha:]]", r"\p{L}é?", r"\p{^Latin}", r"\pL\s", r"[^\s\S]", r"f{1}i",
    r"f{2}", r"f{,2}", r"{", r"]", r"[]f]", r"[a&&f]{6}", r"\Qfirst line\E", r"\Q.\E", r"\151", r"\x69", r"\x{e9}", r"\<first", r"(?U)f.*i",
    r"(?P<a>f)(?P<b>i)", r"(?:first|fourth) line", r"(first|)\nsecond", r"second\r?\n", r"^*first", r"a|b|third", r"\A\Afirst", r"[f-i]{2}",
    r"(?i)É", r"\v|x{0}", r"(?i:S)econd", r"third: .$", r"third: .\n$", r"[\d\W]+", r"\_|first", r"(?m)^[a-z]+$", r"(?ms)^second$.^third",
]
INVALID = ["(", ")", "a**", "*a", "[", "[z-a]", "[[:foo:]]", "\\", r"\8", r"\1", r"\Z", r"\pX", "(?=a)", "(?!a)", "(?<=a)b", "(?x)a", "a{1001}",
           "a{3,2}", "x{2}{3}", r"\C", r"\u0041", "(?P=a)", "(?P<a", r"\x{110000}"]


def write(path, patterns):
    tests = [{"name": f"{number} {pattern}", "path": "/etc/text", "expectedContents": [pattern]} for number, pattern in enumerate(patterns)]
    path.write_text(json.dumps({"schemaVersion": "2.0.0", "fileContentTests": tests}, indent=1))


def main():
    folder = pathlib.Path(sys.argv[1])
    write(folder / "valid.yaml", VALID)
    for number, pattern in enumerate(INVALID):
        write(folder / f"invalid-{number}.yaml", [pattern])


main()

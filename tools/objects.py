# SPDX-License-Identifier: Apache-2.0
"""objects: what the built objects under BUILD/src ask of others, for the checks that look at symbols."""
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def undefined(objects):
    """(object, symbol) of each undefined symbol."""
    out = subprocess.run(["nm", "-u", "-A", *objects], capture_output=True, text=True, check=True)
    for line in out.stdout.splitlines():
        m = re.match(r"(.+?):\s+[Uw] (\S+)$", line)
        if m:
            yield m.group(1), m.group(2).split("@")[0]


def sources():
    """What meson makes of a path inside a folder, to the path: ("store", "db_sqlite.c")."""
    found = {}
    for folder in os.listdir("src"):
        for d, _, files in os.walk(os.path.join("src", folder)):
            for f in files:
                inside = os.path.relpath(os.path.join(d, f), os.path.join("src", folder))
                found[folder, inside.replace("/", "_")] = f"{folder}/{inside}"
    return found


def source(path, known):
    """rt/pool.c from BUILD/src/rt/librt.a.p/pool.c.o; generated files keep the object's name."""
    m = re.search(r"src/([^/]+)/(?:.*/)?[^/]+\.p/(.+)\.o$", path)
    return known.get(m.groups(), path) if m else path


def calls(build):
    """(file under src/, symbol) of each symbol that an object built now has from elsewhere."""
    build = os.path.abspath(build)
    objects = [os.path.join(d, f) for d, _, files in os.walk(os.path.join(build, "src"))
               for f in files if f.endswith(".o")]
    # Objects of files that have moved stay in an old build directory: only what is built now counts.
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        built = {os.path.join(build, row["output"]) for row in json.load(f) if "output" in row}
    objects = [o for o in objects if o in built]
    if not objects:
        sys.exit(f"no objects under {build}/src: build first")
    os.chdir(ROOT)
    known = sources()
    found = [(source(path, known), re.sub(r"^__(.+)_chk$", r"\1", symbol)) for path, symbol in undefined(objects)]
    if not found:
        sys.exit("nm told of no symbol at all")
    return found, len(objects)

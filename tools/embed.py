#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns files into a C source with one array each and a table sorted by path (src/base/embed.h).

    embed.py OUT.c PREFIX FILE...          paths are the files' names
    embed.py OUT.c PREFIX --dir DIRECTORY  paths are relative to DIRECTORY
    --gzip        compress what gets at least 10 % smaller
    --depfile F   write a make rule with all inputs (for meson's depfile)

The same input gives the same bytes: sorted, and no time in the gzip header.
"""
import argparse
import filecmp
import gzip
import os
import sys

TYPES = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json", ".map": "application/json", ".svg": "image/svg+xml",
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif",
    ".webp": "image/webp", ".ico": "image/x-icon", ".woff": "font/woff", ".woff2": "font/woff2",
    ".ttf": "font/ttf", ".txt": "text/plain; charset=utf-8",
    ".md": "text/markdown; charset=utf-8", ".sql": "text/plain; charset=utf-8",
    ".yml": "application/yaml", ".yaml": "application/yaml", ".xml": "application/xml",
    ".pdf": "application/pdf", ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}


def c_text(text):
    """A C string literal; bytes outside plain ASCII as octal escapes."""
    out = []
    for byte in text.encode():
        char = chr(byte)
        out.append(char if 32 <= byte < 127 and char not in '"\\?' else "\\%03o" % byte)
    return '"' + "".join(out) + '"'


def collect(args):
    if not args.dir:
        files = {os.path.basename(f): f for f in args.files}
        if len(files) != len(args.files):
            sys.exit("embed.py: two files have the same name")
        return files
    files = {}
    for root, dirs, names in os.walk(args.dir):
        dirs.sort()
        for name in names:
            full = os.path.join(root, name)
            files[os.path.relpath(full, args.dir).replace(os.sep, "/")] = full
    return files


def load(full, compress):
    with open(full, "rb") as f:
        data = f.read()
    if compress and len(data) > 256:
        packed = gzip.compress(data, 9, mtime=0)
        if len(packed) < len(data) * 0.9:
            return packed, True
    return data, False


def write_array(out, name, data):
    # A NUL follows, so that texts can be read as C strings.
    out.write("static const unsigned char %s[%d] = {\n" % (name, len(data) + 1))
    for i in range(0, len(data), 24):
        out.write(",".join(map(str, data[i:i + 24])) + ",\n")
    out.write("0 };\n\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("out")
    parser.add_argument("prefix")
    parser.add_argument("files", nargs="*")
    parser.add_argument("--dir")
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--depfile")
    args = parser.parse_args()
    if bool(args.dir) == bool(args.files):
        parser.error("give files or --dir")
    files = collect(args)
    rows = []
    part = args.out + ".part"
    with open(part, "w", encoding="ascii") as out:
        out.write("/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by tools/embed.py. */\n"
                  '#include "base/embed.h"\n\n')
        # By bytes, as the look-up in embed.c compares.
        for i, path in enumerate(sorted(files, key=str.encode)):
            data, packed = load(files[path], args.gzip)
            kind = TYPES.get(os.path.splitext(path)[1].lower(), "application/octet-stream")
            write_array(out, "file_%d" % i, data)
            rows.append("\t{ %s, file_%d, %d, %s, %s },\n"
                        % (c_text(path), i, len(data), c_text(kind), "true" if packed else "false"))
        out.write("extern const struct embedded_file %s_files[];\n" % args.prefix)
        out.write("extern const size_t %s_files_len;\n" % args.prefix)
        out.write("const struct embedded_file %s_files[] = {\n%s\t{ 0 },\n};\n"
                  % (args.prefix, "".join(rows)))
        out.write("const size_t %s_files_len = %d;\n" % (args.prefix, len(rows)))
    # Unchanged output keeps its time, so that nothing is compiled again.
    if os.path.exists(args.out) and filecmp.cmp(part, args.out, shallow=False):
        os.remove(part)
    else:
        os.replace(part, args.out)
    if args.depfile:
        with open(args.depfile, "w", encoding="utf-8") as f:
            f.write("%s: %s\n" % (args.out, " ".join(
                files[p].replace(" ", "\\ ") for p in sorted(files))))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns .sql files into C.

  src/<folder>/sql/<name>.sql         ->  sql_<folder>_<name>, "sql_<folder>.h"
  src/<part>/<folder>/sql/<name>.sql  ->  the same
  <name>.pg.sql beside <name>.sql     ->  the PostgreSQL text of that statement
  migrations/NNNN_<name>.sql          ->  a row of migrations[]

One statement a file, parameters $1, $2, ...; $n becomes ?n for SQLite. Files are written only when
their content changes, so that a build after nothing happened compiles nothing.

  sql.py --out DIRECTORY [--root DIRECTORY]     writes sql.c, sql_all.h and one header a folder
  sql.py --list [--root DIRECTORY]              prints the input files
"""
import argparse
import hashlib
import re
import sys
from pathlib import Path

TOKEN = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)"
    r"|(?P<quoted>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")"
    r"|\$(?P<param>[0-9]+)"
    r"|(?P<space>\s+)"
    r"|(?P<other>.)", re.S)
NAME = re.compile(r"[a-z][a-z0-9_]*$")


class Bad(Exception):
    pass


def inputs(root):
    src = root / "src"
    found = sorted(src.glob("*/sql/*.sql")) + sorted(src.glob("*/*/sql/*.sql"))
    return found, sorted((root / "migrations").glob("*.sql"))


def squeeze(path, text):
    """The statement without comments, runs of white space as one blank; and its parameters."""
    out, params = [], set()
    for m in TOKEN.finditer(text):
        if m["comment"] is not None or m["space"] is not None:
            if out and out[-1] != " ":
                out.append(" ")
        elif m["param"] is not None:
            params.add(int(m["param"]))
            out.append(("param", m["param"]))
        else:
            out.append(m[0])
    while out and out[-1] in (" ", ";"):
        out.pop()
    if ";" in out:
        raise Bad(f"{path}: more than one statement")
    if not out:
        raise Bad(f"{path}: empty")
    if params != set(range(1, len(params) + 1)):
        raise Bad(f"{path}: parameters {sorted(params)} are not 1..{len(params)}")
    return out, len(params)


def render(tokens, mark):
    return "".join(t if isinstance(t, str) else mark + t[1] for t in tokens)


def literal(text):
    out = []
    for b in text.encode():
        c = chr(b)
        if c in '"\\':
            out.append("\\" + c)
        elif c == "\n":
            out.append('\\n"\n\t"')
        elif c == "\t":
            out.append("\\t")
        elif c == "?":
            out.append("\\?")
        elif 32 <= b < 127:
            out.append(c)
        else:
            out.append(f"\\{b:03o}")
    return '"' + "".join(out) + '"'


def statements(files):
    """{folder: {name: (sqlite, postgres, params, comment)}}"""
    texts = {}
    for path in files:
        folder, stem = path.parent.parent.name, path.name[:-len(".sql")]
        kind = "both"
        if stem.endswith(".pg"):
            kind, stem = "pg", stem[:-len(".pg")]
        if not NAME.match(stem):
            raise Bad(f"{path}: the name must be lower case letters, digits and _")
        key = (folder, stem)
        if kind in texts.setdefault(key, {}):
            raise Bad(f"{path}: {texts[key][kind]} has the same name")
        texts[key][kind] = path
    out = {}
    for (folder, stem), kinds in sorted(texts.items()):
        if "both" not in kinds:
            raise Bad(f"{kinds['pg']}: there is no {stem}.sql beside it")
        text = kinds["both"].read_text()
        comment = [l.lstrip("-").strip() for l in text.splitlines() if l.startswith("--")]
        if not comment:
            raise Bad(f"{kinds['both']}: needs a head comment (what, parameters, columns)")
        tokens, params = squeeze(kinds["both"], text)
        other = tokens
        if "pg" in kinds:
            other, more = squeeze(kinds["pg"], kinds["pg"].read_text())
            if more != params:
                raise Bad(f"{kinds['pg']}: {more} parameters, {kinds['both'].name} has {params}")
        out.setdefault(folder, {})[stem] = (render(tokens, "?"), render(other, "$"), params,
                                            comment)
    return out


def migration_rows(files):
    rows, seen = [], {}
    for path in files:
        m = re.match(r"([0-9]{4})_([a-z0-9_]+)\.sql$", path.name)
        if not m:
            raise Bad(f"{path}: the name must be NNNN_name.sql")
        number = int(m[1])
        if number in seen:
            raise Bad(f"{path}: {seen[number].name} has the same number")
        seen[number] = path
        data = path.read_bytes()
        rows.append((number, m[2], data.decode(), hashlib.sha256(data).hexdigest()))
    return rows


HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by tools/sql.py; not for editing. */\n"


def write(path, text):
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def emit(out, folders, rows):
    out.mkdir(parents=True, exist_ok=True)
    wanted = {"sql_all.h"}
    code = [HEAD, '#include "store/db/db.h"\n#include "sql_all.h"\n']
    every = []
    for folder, items in folders.items():
        header = [HEAD, '#pragma once\n#include "store/db/db.h"\n']
        for name, (lite, postgres, params, comment) in items.items():
            symbol = f"sql_{folder}_{name}"
            every.append(symbol)
            doc = " ".join(comment).replace("*/", "* /")
            header.append(f"\n/* {doc} */\nextern const struct sql {symbol};\n")
            code.append(f"\nconst struct sql {symbol} = {{\n\t.name = \"{folder}/{name}\",\n"
                        f"\t.sqlite = {literal(lite)},\n\t.postgres = {literal(postgres)},\n"
                        f"\t.params = {params},\n}};\n")
        wanted.add(f"sql_{folder}.h")
        write(out / f"sql_{folder}.h", "".join(header))
    write(out / "sql_all.h", HEAD + "#pragma once\n" +
          "".join(f'#include "sql_{f}.h"\n' for f in folders))
    code.append("\nconst struct sql *const sql_all[] = {\n" +
                "".join(f"\t&{s},\n" for s in every) + "\tNULL,\n};\n"
                f"const size_t sql_all_len = {len(every)};\n")
    code.append("\nconst struct migration migrations[] = {\n")
    for number, name, text, checksum in rows:
        code.append(f"\t{{ .number = {number}, .name = \"{name}\",\n\t  .checksum = \"{checksum}\","
                    f"\n\t  .text = {literal(text)} }},\n")
    code.append("\t{ 0 },\n};\n" f"const size_t migrations_len = {len(rows)};\n")
    write(out / "sql.c", "".join(code))
    for old in out.glob("sql_*.h"):
        if old.name not in wanted:
            old.unlink()


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    args.add_argument("--out", type=Path)
    args.add_argument("--list", action="store_true")
    args = args.parse_args()
    files, migrations = inputs(args.root)
    if args.list:
        print("\n".join(str(p) for p in files + migrations))
        return 0
    if args.out is None:
        print("sql.py: --out or --list", file=sys.stderr)
        return 2
    try:
        emit(args.out, statements(files), migration_rows(migrations))
    except Bad as e:
        print(f"sql.py: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

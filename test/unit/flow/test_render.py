#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_render.py DRIVER: random values through both renderings, compared with Python's own printing
(workflow.md 4.5). TATARA_SEEDS sets how many (5,000)."""
import json
import os
import random
import struct
import subprocess
import sys

ODD = ["", "'", '"', "\\", "\n", "\r\n", "\t", "\0", "\x01", "\x1f", "\x7f", "\x80", "\x85", "\xa0", "\xad", "\u0300",
       "\u0378", "\u200b", "\u2028", "\u202e", "\u3042", "\uac00", "\ue000", "\ufeff", "\uffff", "\U0001f642", "\U000e0001",
       "\U000f0000", "\U0010ffff", "é", "a'b", 'a"b', "'\"", "</script>", "/"]


def text(rng):
    return "".join(rng.choice(ODD) if rng.random() < .6 else chr(rng.randrange(32, 127)) for _ in range(rng.randrange(6)))


def number(rng):
    kind = rng.randrange(6)
    if kind == 0:
        return rng.randrange(-2 ** 63, 2 ** 63)
    if kind == 1:
        return rng.randrange(-100, 100)
    if kind == 2:
        return float(rng.randrange(-1000, 1000))
    if kind == 3:
        return rng.choice([0.1, -0.0, 1e16, 1e15, 123456789012345680.0, 1e22, 1e-4, 1e-5, 0.00012, 5e-324, 1.7976931348623157e308])
    while True:
        value = struct.unpack("<d", struct.pack("<Q", rng.getrandbits(64)))[0]
        if value == value and abs(value) != float("inf"):
            return value


def scalar(rng):
    return rng.choice([lambda: None, lambda: rng.random() < .5, lambda: number(rng), lambda: text(rng)])()


def value(rng, depth=0):
    kind = rng.randrange(6 if depth < 4 else 3)
    if kind < 3:
        return scalar(rng)
    if kind == 3:
        return {text(rng): value(rng, depth + 1) for _ in range(rng.randrange(4))}
    if kind == 4:
        return [text(rng) for _ in range(rng.randrange(4))]
    return [value(rng, depth + 1) for _ in range(rng.randrange(4))]


def rendered(v, markdown):
    if v is None or v == [] and isinstance(v, list):
        return ""
    if isinstance(v, str):
        return v
    if isinstance(v, dict):
        return json.dumps(v, ensure_ascii=False, indent=2 if markdown else None)
    if isinstance(v, list):
        if markdown:
            return "\n".join("- %s" % (item,) for item in v)
        return json.dumps(v, ensure_ascii=False) if all(isinstance(x, str) for x in v) else str(v)
    return str(v)


def main():
    rng = random.Random(20240607)
    values = [value(rng) for _ in range(int(os.environ.get("TATARA_SEEDS", "5000")))]
    lines = "".join(json.dumps(v) + "\n" for v in values)
    out = subprocess.run([sys.argv[1]], input=lines.encode(), stdout=subprocess.PIPE, check=True).stdout.decode()
    got = [json.loads(line) for line in out.split("\n") if line]
    assert len(got) == len(values), (len(got), len(values))
    bad = 0
    for v, g in zip(values, got):
        for form in ("text", "markdown"):
            want = rendered(v, form == "markdown")
            if g[form] != want and bad < 10:
                bad += 1
                print("%s of %r:\n got  %r\n want %r" % (form, v, g[form], want))
    print("%d values" % len(values))
    sys.exit(1 if bad else 0)


main()

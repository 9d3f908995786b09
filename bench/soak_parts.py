# SPDX-License-Identifier: Apache-2.0
"""What the soaks share: samples of processes and the verdict whether something grows."""
import os
import re

KEPT = re.compile(r"^(Pss|Rss): +(\d+)", re.M)


def processes(root):
    """A process and all below it."""
    out = [root]
    for pid in out:
        try:
            with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
                out += [int(x) for x in f.read().split()]
        except OSError:
            pass
    return out


def sample(pid):
    """(RSS, PSS in bytes, open descriptors) of one process; zeros when it is gone."""
    try:
        with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
            kept = {m[0]: int(m[1]) * 1024 for m in KEPT.findall(f.read())}
        return kept["Rss"], kept["Pss"], len(os.listdir("/proc/%d/fd" % pid))
    except (OSError, KeyError):
        return 0, 0, 0


def thirds(values, what):
    n = max(1, len(values) // 3)
    return [what(values[i * n:(i + 1) * n] or [0]) for i in range(3)]


def verdict(name, values, slack, what=max):
    """Prints the most (or the least) of each third; True when the last is clearly more than the one before."""
    parts = thirds(values, what)
    grows = parts[2] > parts[1] * 1.05 + slack
    shown = ["%.1f MB" % (p / 1e6) if slack > 1000 else "%d" % p for p in parts]
    print("  %-28s %s in each third: %s%s" % (name, "most" if what is max else "least", "  ".join(shown), "  GROWS" if grows else ""), flush=True)
    return grows

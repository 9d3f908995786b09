# SPDX-License-Identifier: Apache-2.0
"""gdb commands for fibers, on a live process or a core file of an x86-64 or arm64 build:

    source tools/gdb/tatara.py
    tatara fibers        all fibers: id, name, state, what each waits for, deadline
    tatara bt ID         the frames of one that is not running (-1: all)

Select the loop's thread first (`thread 1`). Knows the layout of src/rt/rt_int.h by name only.
"""
import gdb

STATES = ["ready", "running", "waiting", "dead"]
NONE = 2**63 - 1


def loop():
    l = gdb.parse_and_eval("rt_loop")
    if not int(l):
        raise gdb.GdbError("this thread runs no loop")
    return l


def fibers():
    l = loop()
    fiber = gdb.lookup_type("struct fiber")
    offset = next(int(f.bitpos) // 8 for f in fiber.fields() if f.name == "all")
    head = l["all"].address
    node = l["all"]["next"]
    while int(node) != int(head):
        yield gdb.Value(int(node) - offset).cast(fiber.pointer())
        node = node["next"]


def text(s):
    return s.string() if int(s) else "-"


def describe(f):
    state = STATES[int(f["state"])]
    what = text(f["wait"]) if state == "waiting" else ""
    if what == "fd":
        what += f" {int(f['wait_fd'])}"
    until = int(f["until"])
    left = "" if until == NONE else f"{(until - int(f['loop']['now'])) / 1e6:.0f} ms left"
    marks = "".join(m for m, on in (("C", f["group"]["cancelled"]), ("S", f["shielded"])) if on)
    return f"{int(f['id']):>8} {text(f['name']):<24} {state:<8} {what:<12} {marks:<3}{left}"


def saved(f):
    """(pc, frame pointer) as context_switch left them."""
    word = gdb.lookup_type("unsigned long").pointer()
    sp = f["ctx"]["sp"].cast(word)
    if "aarch64" in gdb.selected_inferior().architecture().name():
        return int(sp[1]), int(sp[0])
    return int(sp[6]), int(sp[5])


def place(pc):
    block = gdb.execute(f"info symbol {pc:#x}", to_string=True).split(" in section")[0].strip()
    line = gdb.find_pc_line(pc)
    where = f" {line.symtab.filename}:{line.line}" if line.symtab else ""
    return block + where


def frames(f):
    word = gdb.lookup_type("unsigned long").pointer()
    pc, fp = saved(f)
    low, high = int(f["stack"]), int(f)
    n = 0
    while pc and n < 64:
        # A return address names the line after its call.
        yield f"#{n:<3} {pc:#018x} {place(pc - (n > 0))}"
        if not low <= fp <= high - 16:
            break
        frame = gdb.Value(fp).cast(word)
        up, pc = int(frame[0]), int(frame[1])
        if up and up <= fp:
            break
        fp, n = up, n + 1


class Tatara(gdb.Command):
    """tatara fibers | tatara bt ID"""

    def __init__(self):
        super().__init__("tatara", gdb.COMMAND_STATUS)

    def invoke(self, arg, tty):
        words = arg.split()
        if words == ["fibers"]:
            n = 0
            for f in fibers():
                print(describe(f))
                n += 1
            print(f"{n} fibers")
        elif len(words) == 2 and words[0] == "bt":
            for f in fibers():
                if int(words[1]) in (-1, int(f["id"])):
                    print(describe(f))
                    if STATES[int(f["state"])] != "running":
                        print("\n".join(frames(f)))
        else:
            raise gdb.GdbError(self.__doc__)


Tatara()

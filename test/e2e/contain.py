#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""contain.py [--uid N] COMMAND...: runs a command as it would run in an ordinary container: docker's default
capabilities, and a system-call filter that refuses namespaces and mounts. With --uid as that user.
contain.py --without NAME,... COMMAND...: all is there but these: chroot, landlock, mounts, namespaces, notify, pidfd,
seccomp, setuid."""
import ctypes
import os
import struct
import sys

KEEP = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}  # chown ... setfcap, as docker keeps them
EPERM, ENOSYS = 1, 38
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
if os.uname().machine == "x86_64":
    REFUSED = {165: EPERM, 166: EPERM, 272: EPERM, 308: EPERM, 155: EPERM, 435: ENOSYS, 428: EPERM, 429: EPERM, 430: EPERM,
               432: EPERM, 442: EPERM}
    CLONE, LANDLOCK = 56, 444
else:
    REFUSED = {40: EPERM, 39: EPERM, 97: EPERM, 268: EPERM, 41: EPERM, 435: ENOSYS, 428: EPERM, 429: EPERM, 430: EPERM,
               432: EPERM, 442: EPERM}
    CLONE, LANDLOCK = 220, 444
NEW = 0x7E020000


def ins(code, k, yes=0, no=0):
    return struct.pack("HBBI", code, yes, no, k)


def program(landlock):
    refused = dict(REFUSED)
    if not landlock:
        refused[LANDLOCK] = ENOSYS
    out = [ins(0x20, 0)]
    for number, errno in refused.items():
        out += [ins(0x15, number, 0, 1), ins(0x06, ERRNO | errno)]
    out += [ins(0x15, CLONE, 0, 3), ins(0x20, 16), ins(0x45, NEW, 0, 1), ins(0x06, ERRNO | EPERM), ins(0x06, ALLOW)]
    return b"".join(out)


X86 = os.uname().machine == "x86_64"
# Refused calls, by the layer that needs them: number, and the argument and bit that must be set in it.
WITHOUT = {
    "chroot": [(161 if X86 else 51, None, 0)], "landlock": [(444, None, 0)], "pidfd": [(434, None, 0)],
    "namespaces": [(272 if X86 else 97, None, 0)], "notify": [(317 if X86 else 277, 1, 8)], "seccomp": [(317 if X86 else 277, None, 0)],
    "setuid": [(117 if X86 else 147, None, 0)], "mounts": [(165 if X86 else 40, None, 0)],
}


def lacking(names):
    out = [ins(0x20, 0)]
    for number, argument, bit in [row for name in names for row in WITHOUT[name]]:
        if argument is None:
            out += [ins(0x15, number, 0, 1), ins(0x06, ERRNO | EPERM)]
        else:
            out += [ins(0x15, number, 0, 4), ins(0x20, 16 + 8 * argument), ins(0x45, bit, 0, 1), ins(0x06, ERRNO | 22), ins(0x20, 0)]
    return b"".join(out + [ins(0x06, ALLOW)])


def install(libc, code):
    buf = ctypes.create_string_buffer(code, len(code))
    fprog = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buf))
    if libc.prctl(22, 2, ctypes.create_string_buffer(fprog, len(fprog)), 0, 0):
        sys.exit("contain: no filter: %d" % ctypes.get_errno())


def main():
    args, uid = sys.argv[1:], None
    if args[0] == "--without":
        install(ctypes.CDLL(None, use_errno=True), lacking(args[1].split(",")))
        os.execvp(args[2], args[2:])
    if args[0] == "--uid":
        uid, args = int(args[1]), args[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    for cap in range(64):
        if cap not in KEEP and cap != 21:
            libc.prctl(24, cap, 0, 0, 0)
    install(libc, program(landlock=uid is not None))
    libc.prctl(24, 21, 0, 0, 0)  # CAP_SYS_ADMIN was needed for that
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    os.execvp(args[0], args)


main()

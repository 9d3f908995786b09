# SPDX-License-Identifier: Apache-2.0
"""A folder that each program has to itself (SANDBOX_SCRATCH_MB): what works there, what is still refused, and that
nothing of it is left."""
import json
import os
import threading

import pytest

from sandbox import Sandbox
from test_sandbox_attacks import LOCKS, MODES

SIZE_MB = 4


@pytest.fixture(scope="module", params=["root", "user"])
def box(request):
    if os.geteuid():
        pytest.skip("starts the sandbox in ways that only root can choose")
    s = Sandbox({"SANDBOX_SCRATCH_MB": str(SIZE_MB), "SANDBOX_MEMORY_MB": "256", "WORKER_TIMEOUT": "30"}, wrap=MODES[request.param][0]).start()
    yield s
    s.stop()


@pytest.mark.parametrize("code", [
    "open('/tmp/x', 'w').write('a'); print(open('/tmp/x').read())",
    "import tempfile\nwith tempfile.TemporaryDirectory() as d:\n    open(d + '/x', 'w').write('a'); print(open(d + '/x').read())",
    "import tempfile\nf = tempfile.TemporaryFile('w+'); f.write('a'); f.seek(0); print(f.read())",
    "import sqlite3\nc = sqlite3.connect('/tmp/x.db'); c.execute('create table t (a)'); c.execute(\"insert into t values ('a')\"); c.commit()\n"
    "print(sqlite3.connect('/tmp/x.db').execute('select a from t').fetchone()[0])",
    "import shutil, os\nos.makedirs('/tmp/d/e'); shutil.copy(os.__file__, '/tmp/d/e/x'); os.rename('/tmp/d/e', '/tmp/f'); shutil.rmtree('/tmp/d')\n"
    "print('a' if os.listdir('/tmp') == ['f'] else os.listdir('/tmp')); shutil.rmtree('/tmp/f')",
    "import zipfile\nwith zipfile.ZipFile('/tmp/x.zip', 'w') as z: z.writestr('n', 'a')\nprint(zipfile.ZipFile('/tmp/x.zip').read('n').decode())",
    "import csv\nwith open('/tmp/x.csv', 'w') as f: csv.writer(f).writerow(['a'])\nprint(next(csv.reader(open('/tmp/x.csv')))[0])",
])
def test_files(box, code):
    assert box.out(code) == "a\n"
    assert box.out(code, network=False) == "a\n"


def test_files_of_javascript(box):
    assert box.out("const fs = require('fs'); fs.mkdirSync('/tmp/d'); fs.writeFileSync('/tmp/d/x', 'a'); console.log(fs.readFileSync('/tmp/d/x', 'utf8'));"
                   " fs.rmSync('/tmp/d', { recursive: true }); console.log(fs.readdirSync('/tmp').length)", "nodejs") == "a\n0\n"


def test_nothing_of_it_stays(box):
    code = "import os; print(os.listdir('/tmp')); open('/tmp/x', 'w').write('a')"
    assert [box.out(code) for _ in range(4)] == ["[]\n"] * 4
    assert box.out("console.log(require('fs').readdirSync('/tmp').length); require('fs').writeFileSync('/tmp/y', '')", "nodejs") == "0\n"


def test_others_do_not_see_it(box):
    results = []
    code = "import os, time\nopen('/tmp/%s', 'w').write('a'); time.sleep(0.5); print(os.listdir('/tmp'))"
    threads = [threading.Thread(target=lambda n=n: results.append(box.out(code % n))) for n in "ab"]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(results) == ["['a']\n", "['b']\n"]


def shared_memory():
    with open("/proc/meminfo", encoding="ascii") as f:
        return [int(line.split()[1]) for line in f if line.startswith("Shmem:")][0]


def test_a_full_one(box):
    """A clear error, and what was written costs the machine no more than was allowed, and nothing afterwards."""
    before, disk = shared_memory(), os.statvfs(box.data)
    d = box.run("n = 0\nwith open('/tmp/x', 'wb', buffering=0) as f:\n    while True:\n        n += f.write(b'x' * 65536)\n        print(n, flush=True)")
    assert d["exit_code"] == 255 and "OSError: [Errno 28] No space left on device" in d["stderr"], d["stderr"][-300:]
    assert SIZE_MB - 1 << 20 < int(d["stdout"].split()[-1]) <= SIZE_MB << 20
    d = box.run("const fs = require('fs'); const f = fs.openSync('/tmp/x', 'w'); for (;;) fs.writeSync(f, Buffer.alloc(65536))", "nodejs")
    assert d["exit_code"] == 1 and "ENOSPC: no space left on device" in d["stderr"]
    assert "OSError" in box.run("open('/tmp/x', 'wb').truncate(1 << 40)")["stderr"]
    # Nor many small ones.
    d = box.run("n = 0\nwhile True:\n    open('/tmp/%d' % n, 'w').close(); n += 1\n    if n % 50 == 0: print(n, flush=True)")
    assert "No space left on device" in d["stderr"] and int(d["stdout"].split()[-1]) < 1000
    assert shared_memory() - before < 32 << 10
    assert os.statvfs(box.data).f_bavail >= disk.f_bavail - (64 << 20) // disk.f_bsize
    box.healthy()


@pytest.mark.parametrize("path", ["x", "/x", "/var/tmp/x", "/dev/shm/x", "/usr/lib/python3.11/x.py", "/usr/lib/tatara-jail/x", "/etc/x", "/tmp/../x"])
def test_nothing_else_can_be_written(box, path):
    code = ("import os\nfor f in (lambda: open(%r, 'w'), lambda: os.mkdir(%r), lambda: os.rename('/etc/passwd', %r), lambda: os.open(%r, os.O_RDWR | os.O_CREAT)):\n"
            "    try:\n        f(); print('done')\n    except OSError as e:\n        print(e.errno)\n" % ((path,) * 4))
    assert set(box.out(code).split()) <= {"1", "2", "13", "18", "30"}


@pytest.mark.parametrize("code", [
    "os.unlink('/etc/passwd')", "os.truncate('/etc/passwd', 0)", "os.chmod('/etc/passwd', 0o777)", "os.utime('/etc/passwd')", "open('/etc/passwd', 'a')",
    "os.rmdir('/tmp')", "os.symlink('/', '/tmp/x')", "os.link('/etc/passwd', '/tmp/x')", "os.mkfifo('/tmp/x')", "os.mknod('/tmp/x', 0o20666, 259)",
    "os.rename('/usr', '/tmp/x')", "os.chown('/tmp', 0, 0)", "os.setxattr('/tmp', 'user.a', b'a')", "open('/dev/null', 'w').truncate(1)",
    "open('/tmp/x.so', 'wb').write(open('/usr/lib/tatara-jail/jail.so', 'rb').read()), ctypes.CDLL('/tmp/x.so')",
    "open('/tmp/x', 'wb').write(b'x' * 4096), mmap.mmap(os.open('/tmp/x', os.O_RDONLY), 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)",
    "mmap.mmap(os.open('/usr/lib/python3.11/os.py', os.O_RDONLY), 4096, mmap.MAP_SHARED, mmap.PROT_WRITE)",
])
def test_still_refused(box, code):
    out = box.out("import ctypes, mmap, os\ntry: %s; print('done')\nexcept OSError as e: print(type(e).__name__)" % code)
    assert "Error" in out and "done" not in out
    box.healthy()


def test_calls_that_stay_refused(box):
    """Leases, owners and hints, which are of files, are not for scratch either."""
    out = box.out("import fcntl, os\nf = os.open('/tmp/x', os.O_RDWR | os.O_CREAT)\nr = set()\nfor cmd in (8, 10, 1024, 1026, 1033, 1036):\n"
                  "    try: fcntl.fcntl(f, cmd, 1); r.add(0)\n    except OSError as e: r.add(e.errno)\nprint(r, %s)" % LOCKS.split(",", 1)[0])
    assert out.startswith("{1}")


def test_only_where_there_are_mounts():
    for mode in ("container", "container-user"):
        s = Sandbox({"SANDBOX_SCRATCH_MB": "1"}, wrap=MODES[mode][0]).start(ready=False)
        try:
            assert "SANDBOX_SCRATCH_MB needs the namespace tier" in s.http.get(s.url + "/ready").text
            assert s.post({"language": "python3", "code": "print(1)"}).json()["code"] == -500
        finally:
            s.stop()


def test_attacks_again(box):
    """The rows that look at rights, with the other filter."""
    assert set(json.loads(box.out("import os, json\nr = []\nfor f in (lambda: os.kill(1, 9), lambda: os.setuid(0), lambda: os.chdir('/tmp'), lambda: os.chroot('/tmp')):\n"
                                  "    try: f(); r.append(0)\n    except OSError as e: r.append(e.errno)\n    if len(r) == 3: break\nprint(json.dumps(r))"))) == {1}
    assert "operation not permitted" in box.run("import ctypes; ctypes.CDLL(None).mount(b'x', b'/tmp', b'tmpfs', 0, None)")["error"]
    assert "operation not permitted" in box.run("import os; os.unshare(0) if hasattr(os, 'unshare') else __import__('ctypes').CDLL(None).unshare(0x20000)")["error"]

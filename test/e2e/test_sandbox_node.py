# SPDX-License-Identifier: Apache-2.0
"""JavaScript by forking one Node: a program must find what it would find in a Node process of its own, nothing of
another program, and the service must do without the forked Node's parent at any time."""
import json
import os
import re
import signal
import stat
import subprocess
import threading
import time

import pytest

from sandbox import Sandbox
from tatara import BINARY
from test_sandbox_attacks import MODES, alive, processes

ENV = {"WORKER_TIMEOUT": "20", "SANDBOX_MEMORY_MB": "256"}


@pytest.fixture(scope="module", params=MODES)
def box(request):
    if os.geteuid():
        pytest.skip("starts the sandbox in ways that only root can choose")
    s = Sandbox(ENV, wrap=MODES[request.param][0]).start()
    s.tier = MODES[request.param][1]
    yield s
    s.stop()


@pytest.fixture(scope="module")
def forked():
    s = Sandbox(ENV).start()
    yield s
    s.stop()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A Node that knows nothing of the options that forking needs: every program gets a process of its own."""
    path = tmp_path_factory.mktemp("node") / "node"
    path.write_text("#!/bin/sh\ncase \"$1\" in --single-threaded) exit 9;; esac\nexec /usr/bin/node \"$@\"\n")
    path.chmod(0o755)
    s = Sandbox({**ENV, "NODEJS_PATH": str(path)}).start()
    yield s
    s.stop()


def ready_line(box):
    return [x for x in box.read_log().splitlines() if "jail ready" in x][-1]


def until(what, seconds=30):
    end = time.time() + seconds
    while not what() and time.time() < end:
        time.sleep(0.05)
    assert what()


def js(box, code, **more):
    return box.out(code, "nodejs", **more)


def zygotes(box):
    """Children of the launcher that are Node; those of them have the programs."""
    found = []
    for pid in processes(box):
        try:
            with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as f:
                name, rest = f.read().split("(", 1)[1].rsplit(")", 1)
            if name == "node":
                found.append((pid, int(rest.split()[1])))
        except OSError:
            pass
    nodes = {p for p, _ in found}
    return [p for p, up in found if up not in nodes]


# --- which way is taken ---

def test_this_node_is_forked(forked):
    assert "forked Node yes" in ready_line(forked)
    first = {js(forked, "console.log(1)") for _ in range(3)}
    assert first == {"1\n"} and len(zygotes(forked)) == 1


def test_a_node_that_cannot_be_forked_is_started(fresh):
    assert "forked Node no" in ready_line(fresh) and "does not know the options" in ready_line(fresh)
    for _ in range(3):
        assert js(fresh, "console.log(process.pid > 0)") == "true\n"


def test_probe_shows_it(tmp_path):
    out = subprocess.run([BINARY, "sandbox", "--probe", "--data", str(tmp_path)], capture_output=True, text=True,
                         check=False).stdout
    assert re.search(r"forked Node +fork +yes +one Node is forked", out), out


# --- the same as in a process of its own ---

PROGRAMS = [
    "console.log('a'); console.error('b')", "process.exit(5)", "process.exitCode = 3", "process.exit()",
    "process.exitCode = 3; process.exit()", "process.on('exit', (c) => { console.log('exit', c); process.exitCode = 4 })",
    "process.on('exit', (c) => console.log('exit', c)); process.exit(6)",
    "process.on('exit', () => process.exit(7))", "process.exitCode = 4; process.on('exit', () => { throw new Error('late') })", "process.on('exit', () => { throw new Error('late') })",
    "process.on('beforeExit', () => { if (!globalThis.once) { once = 1; setTimeout(() => console.log('more'), 1) } })",
    "process.reallyExit(9)", "process.abort()", "process.kill(process.pid, 'SIGTERM')", "process.kill(process.pid, 'SIGSEGV')",
    "throw new TypeError('x')", "throw 5", "throw null", "null.x", "}", "Promise.reject(new Error('p'))", "Promise.reject(7)",
    "setTimeout(() => { throw new Error('t') }, 1)", "process.nextTick(() => { throw new Error('n') })",
    "process.on('exit', (c) => console.log('exit', c)); throw new Error('x')",
    "process.on('uncaughtException', (e) => console.log('caught', e.message)); setTimeout(() => console.log('on'), 5); throw new Error('x')",
    "process.on('uncaughtException', (e) => { console.log('caught'); process.exit(8) }); throw new Error('x')",
    "process.on('uncaughtException', (e) => { throw new Error('again') }); throw new Error('x')",
    "process.on('uncaughtExceptionMonitor', () => console.log('seen')); throw new Error('x')",
    "process.on('unhandledRejection', (e) => console.log('rejected', e.message)); Promise.reject(new Error('x'))",
    "process.setUncaughtExceptionCaptureCallback((e) => console.log('captured')); setTimeout(() => console.log('on'), 1); throw new Error('x')",
    "const e = process.emit; process.emit = function (n, ...r) { if (n === 'exit') console.log('wrapped'); return e.call(this, n, ...r) }",
    "process.emit('exit', 3); console.log('still here')", "process.stdout.write('a'.repeat(60000)); process.exit(2)",
    "console.log('x'.repeat(700000))", "for (let i = 0; i < 2000; i++) console.log(i, { a: [i] })",
    "(async () => { for (const n of [1, 2, 3]) { await new Promise((r) => setTimeout(r, n)); console.log(n) } })()",
    "setImmediate(() => console.log('i')); process.nextTick(() => console.log('n')); queueMicrotask(() => console.log('m')); console.log('s')",
    "let n = 0; const t = setInterval(() => { console.log(n); if (++n === 3) clearInterval(t) }, 1)",
    "const t = setTimeout(() => 0, 1e9); t.unref(); console.log('not waited for')",
    "const fs = require('fs'); fs.promises.readFile('/etc/hosts', 'utf8').then((t) => console.log(t), (e) => console.log(e.code))",
    "require('fs').readFile('/none', (e) => console.log(e.code))",
    "const fs = require('fs'); for (let i = 0; i < 8; i++) fs.stat('/usr', (e, s) => console.log(s.isDirectory()))",
    "require('zlib').gzip('a'.repeat(1e6), (e, b) => require('zlib').gunzip(b, (e, t) => console.log(t.length)))",
    "require('crypto').pbkdf2('a', 'b', 1000, 8, 'sha256', (e, k) => console.log(k.toString('hex')))",
    "crypto.subtle.digest('SHA-256', new Uint8Array(3)).then((d) => console.log(Buffer.from(d).toString('hex')))",
    "require('dns').lookup('a.test', (e) => console.log(e.code))", "require('child_process').spawnSync('/bin/true').error.code.length",
    "new (require('worker_threads').Worker)('require(\"worker_threads\").parentPort.postMessage(1 + 1)', { eval: true }).on('message', console.log)",
    "const { Worker } = require('worker_threads'); (async () => { for (let i = 0; i < 3; i++) await new Promise((done) => new Worker('process.exit(' + i + ')',"
    " { eval: true }).on('exit', (c) => done(console.log(c)))) })()",
    "const a = new Int32Array(new SharedArrayBuffer(4)); console.log(Atomics.wait(a, 0, 0, 5))",
    "const m = new WebAssembly.Module(Buffer.from('0061736d0100000001060160017f017f03020100070501016600000a09010700200041016a0b', 'hex'));"
    "const f = new WebAssembly.Instance(m).exports.f; let x = 0; for (let i = 0; i < 3e6; i++) x = f(x); console.log(x)",
    "let n = 0; for (let i = 0; i < 30; i++) WebAssembly.compile(Buffer.from('0061736d0100000001060160017f017f03020100070501016600000a09010700200041016a0b', 'hex'))"
    ".then((m) => { const f = new WebAssembly.Instance(m).exports.f; for (let k = 0; k < 20000;) k = f(k); if (++n === 30) setTimeout(() => console.log(n), 1) })",
    "WebAssembly.compile(Buffer.from('0061736d01000000', 'hex')).then(() => console.log('compiled'))",
    "let s = 0; for (let i = 0; i < 2e7; i++) s = (s + i * 7) | 0; console.log(s)",
    "let a = []; for (let i = 0; i < 3e6; i++) { a.push({ i }); if (a.length > 1e4) a = [] } console.log('collected')",
    "console.log(require('vm').runInNewContext('1 + 1'), eval('2 + 2'), new Function('return 3')())",
    "console.log(process.argv, process.execArgv, process.execPath, process.title, Object.keys(process.env).sort(), require.main, module.parent)",
    "console.log(Object.getOwnPropertyNames(globalThis).sort().join())", "console.log(typeof gc, process.version, process.cwd(), process.umask().toString(8))",
    "console.log(Object.keys(require.cache), process.listenerCount('exit'), process.eventNames())",
    "console.log(new Date().getTimezoneOffset(), Math.abs(Date.now() / 1000 - require('fs').statSync('/dev/null').atimeMs / 1000) >= 0)",
    "const http = require('http'); http.get('http://a.test/x', (r) => { r.resume(); console.log(r.statusCode) }).on('error', (e) => console.log(e.code))",
    "fetch('http://a.test/').then((r) => console.log(r.status), (e) => console.log(String(e.cause)))",
    "fetch('https://a.test/').catch((e) => console.log(String(e.cause)))",
    "const h = require('perf_hooks').performance, b = process.hrtime.bigint(); setTimeout(() => console.log(process.hrtime.bigint() - b > 4000000n), 5)",
    "Object.prototype.toString = Array.prototype.push = Function.prototype.call = Function.prototype.apply = null; process.exitCode = 2",
    "Array.prototype[Symbol.iterator] = null; Reflect.apply = null; console.log = null; process.exitCode = 3",
    "require('fs').closeSync(1); process.exitCode = 2", "require('inspector').url() === undefined && console.log('no inspector')",
]


def seen(data):
    """What a user sees, without the lines of a stack that are ours, and a setting that only newer versions read."""
    cut = r"\n    at [^\n]*|(?s:\n?----- Native stack trace.*)|'NODE_USE_ENV_PROXY',\s+| NODE_USE_ENV_PROXY: '1',\n?"
    return {k: re.sub(cut, "", v) if isinstance(v, str) else v for k, v in data.items()}


def test_programs_see_the_same(forked, fresh):
    different = []
    for code in PROGRAMS:
        a, b = seen(forked.run(code, "nodejs")), seen(fresh.run(code, "nodejs"))
        if a != b:
            different.append((code, a, b))
    assert not different
    for network in (True, False):
        code = "delete process.env.NODE_USE_ENV_PROXY; console.log(Object.entries(process.env).sort(), require('https').globalAgent.constructor.name)"
        assert js(forked, code, network=network) == js(fresh, code, network=network)


# --- nothing of another program ---

def test_chance(box):
    code = ("const c = require('crypto'), vm = require('vm'); console.log(JSON.stringify([Math.random(), c.randomUUID(), c.randomInt(2 ** 47),"
            "c.randomBytes(8).toString('hex'), crypto.getRandomValues(new Uint32Array(2)).join(), vm.runInNewContext('Math.random()'),"
            "c.generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }).x]))")
    runs = [json.loads(js(box, code)) for _ in range(8)]
    for column in zip(*runs):
        assert len(set(column)) == len(runs), column


def test_own_process(box):
    assert js(box, "console.log(process.pid === Number(require('fs').existsSync('/proc') ? process.pid : process.pid) && process.pid > 0)") == "true\n"
    d = box.run("process.kill(process.pid, 'SIGKILL')", "nodejs")
    assert "killed by signal 9" in d["error"]
    d = box.run("try { process.kill(process.ppid, 9); console.log('sent') } catch (e) { console.log(e.code) }", "nodejs")
    assert "sent" not in d["stdout"]


def test_nothing_stays(box):
    js(box, "globalThis.left = 1; process.env.LEFT = '1'; require('fs').left = 1; Math.max = null; process.on('exit', () => 0)")
    assert js(box, "console.log(typeof left, process.env.LEFT, require('fs').left, Math.max(1, 2))") == "undefined undefined undefined 2\n"


DESCRIPTORS = ("const fs = require('fs'), r = []; for (let i = 3; i < 1024; i++) { try { const s = fs.fstatSync(i);"
               " r.push([i, s.mode, s.ino]) } catch (e) {} } console.log(JSON.stringify(r))")


def test_descriptors_are_a_programs_own(box):
    """Pipes of two programs are not the same pipes; there are no files, folders, sockets or devices."""
    first, second = json.loads(js(box, DESCRIPTORS)), json.loads(js(box, DESCRIPTORS))
    pipes = []
    for run in (first, second):
        kinds = {stat.S_IFMT(mode) for _, mode, _ in run}
        assert kinds <= {0, stat.S_IFIFO}, run
        pipes.append({ino for _, mode, ino in run if stat.S_IFMT(mode)})
    assert pipes[0] and not pipes[0] & pipes[1]


def test_descriptors_lead_nowhere(box):
    """Who writes to everything, reads and closes it, does nothing to the programs beside and after it."""
    t = threading.Thread(target=box.run, args=("setTimeout(() => 0, 1000)", "nodejs"))
    t.start()
    code = ("const fs = require('fs'), one = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]); for (let i = 3; i < 300; i++) {"
            " for (const f of [() => fs.writeSync(i, one), () => fs.readSync(i, Buffer.alloc(64)), () => fs.closeSync(i)]) try { f() } catch (e) {} } process.exit(0)")
    for _ in range(3):
        box.run(code, "nodejs")
        assert js(box, "setTimeout(() => console.log(1), 1)") == "1\n"
    t.join()


def test_memory_of_the_parent_has_no_code(box):
    """What one program had in memory, another cannot find: the parent never sees code."""
    js(box, "globalThis.kept = Buffer.from('needle-' + 'of-the-first'); console.log(1)")
    d = box.run("const v8 = require('v8'); try { const s = v8.getHeapSnapshot(); let t = ''; s.on('data', (d) => t += d);"
                " s.on('end', () => console.log(t.includes('needle-' + 'of-the-first'))) } catch (e) { console.log(false) }", "nodejs")
    assert d["stdout"] == "false\n", d


# --- without the parent ---

def test_zygote_killed_in_mid_work(box):
    js(box, "console.log(1)")
    answers = []

    def one():
        r = box.post({"language": "nodejs", "code": "setTimeout(() => console.log(1), 700)"})
        answers.append((r.status_code, r.json()["code"], (r.json()["data"] or {}).get("stdout")))
    threads = [threading.Thread(target=one) for _ in range(4)]
    for t in threads:
        t.start()
    until(lambda: box.metric("sandbox_running") == 4)
    before = zygotes(box)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    for t in threads:
        t.join()
    assert len(before) == 1 and len(answers) == 4
    # Ended with an error that says so, or done before it: nothing in between.
    assert set(answers) <= {(200, -500, None), (200, 0, "1\n")}, answers
    assert js(box, "console.log(2)") == "2\n"
    assert zygotes(box) != before


def test_zygotes_that_die_at_once_are_done_without(forked):
    """Three deaths in ten seconds: programs get processes of their own for a while."""
    for _ in range(4):
        js(forked, "console.log(1)")
        for pid in zygotes(forked):
            os.kill(pid, signal.SIGKILL)
            until(lambda p=pid: not alive(p))
        time.sleep(0.2)
    for _ in range(3):
        assert js(forked, "console.log(3)") == "3\n"


@pytest.mark.parametrize("runs", [1000])
def test_many_programs_leave_nothing(runs):
    """Processes, descriptors and memory are as before; zygotes have been renewed on the way."""
    s = Sandbox({"MAX_WORKERS": "4"}).start()
    try:
        def some(n, out):
            with_own = Sandbox.__new__(Sandbox)
            with_own.__dict__.update(s.__dict__)
            import requests
            with_own.http = requests.Session()
            with_own.http.trust_env = False
            for i in range(n):
                language, code = (("nodejs", "console.log(%d)"), ("python3", "print(%d)"))[i % 5 == 0]
                out.append(with_own.out(code % i, language) == "%d\n" % i)

        def load(n):
            out = []
            threads = [threading.Thread(target=some, args=(n // 4, out)) for _ in range(4)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            assert out == [True] * n

        def figures():
            launcher = [p for p, line in processes(s).items() if "sandbox-launcher" in line]
            return len(processes(s)), len(os.listdir("/proc/%d/fd" % min(launcher)))

        def memory():
            total = 0
            for p in processes(s):
                try:
                    with open("/proc/%d/smaps_rollup" % p, encoding="ascii") as f:
                        total += int(re.search(r"^Pss: +(\d+)", f.read(), re.M).group(1))
                except (OSError, AttributeError):
                    pass
            return total / 1024
        load(40)
        time.sleep(1)
        before, pss, first = figures(), memory(), zygotes(s)
        load(runs)
        until(lambda: figures()[0] <= before[0] and figures()[1] <= before[1])
        assert memory() < pss + 12
        load(400)  # past the thousandth of one zygote
        until(lambda: zygotes(s) != first and len(zygotes(s)) == 1)
        until(lambda: figures()[0] <= before[0] and figures()[1] <= before[1])
    finally:
        s.stop()

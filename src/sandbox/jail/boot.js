// SPDX-License-Identifier: Apache-2.0
// The JavaScript side of Node in the jail. Loads what programs use, then waits in the helper library,
// which comes back jailed; then the code of descriptor 3 is the program. The argument says how:
//   (none)  this process is for one program
//   fork    it is forked for every program: what follows `serve` runs in a child
//   try     outside of a jail: prints what the launcher must know of this Node, and forks three times
'use strict';
const fs = require('fs'), Module = require('module'), v8 = require('v8'), vm = require('vm');
const mode = process.argv[2];
for (const name of ['buffer', 'url', 'util', 'path', 'crypto', 'zlib', 'events', 'stream', 'timers', 'assert',
	'string_decoder', 'querystring'])
	require(name);
const library = { exports: {} };
process.dlopen(library, __dirname + '/jail.so');
const jail = library.exports;
const compile = vm.compileFunction, loader = vm.constants && vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
const cache = Module._cache, own = __filename, createRequire = Module.createRequire, apply = Reflect.apply;

// Requests of http, https and fetch go to the one address that there is, as a proxy is asked. Returns what
// undoes it.
function useProxy() {
	const http = require('http'), https = require('https'), net = require('net'), tls = require('tls');
	const host = '127.0.0.1', port = 3128;
	class PlainAgent extends http.Agent {
		addRequest(request, options) {
			const at = options.port && Number(options.port) !== 80 ? ':' + options.port : '';
			request.path = 'http://' + (options.host || 'localhost') + at + request.path;
			super.addRequest(request, Object.assign({}, options, { host, port, path: null, servername: '' }));
		}
	}
	function tunnel(name, where, done) {
		const socket = net.connect(port, host);
		let head = '', ended = false;
		const end = (e) => {
			if (ended) return;
			ended = true;
			socket.removeListener('readable', read);
			if (e) { socket.destroy(); done(e); } else done(null, socket);
		};
		function read() {
			for (let byte; !ended && (byte = socket.read(1)) !== null;) {
				head += byte.toString('latin1');
				if (head.length > 16384) end(new Error('the proxy said too much'));
				if (!head.endsWith('\r\n\r\n')) continue;
				const m = /^HTTP\/1\.[01] (\d\d\d)/.exec(head);
				end(m && m[1] === '200' ? null : new Error('proxy: ' + head.split('\r\n')[0]));
			}
		}
		socket.on('readable', read);
		socket.once('error', end);
		socket.once('end', () => end(new Error('the proxy closed the connection')));
		socket.write(`CONNECT ${name}:${where} HTTP/1.1\r\nHost: ${name}:${where}\r\n\r\n`);
	}
	class TunnelAgent extends https.Agent {
		createConnection(options, done) {
			tunnel(options.host, options.port || 443, (e, socket) => {
				if (e) return done(e);
				const name = options.servername || (net.isIP(options.host) ? '' : options.host);
				done(null, tls.connect(Object.assign({}, options, { socket, servername: name })));
			});
		}
	}
	const agents = [http.globalAgent, https.globalAgent];
	http.globalAgent = new PlainAgent({ keepAlive: false });
	https.globalAgent = new TunnelAgent({ keepAlive: false });
	// Reading Headers loads the library behind fetch, which leaves its agent under this name.
	void globalThis.Headers;
	const key = Symbol.for('undici.globalDispatcher.1'), plain = globalThis[key];
	const undo = () => {
		[http.globalAgent, https.globalAgent] = agents;
		if (plain) globalThis[key] = plain;
	};
	if (!plain) return undo;
	const Agent = plain.constructor;
	const secure = new Agent({
		connect(options, done) {
			tunnel(options.hostname, options.port || 443, (e, socket) => {
				if (e) return done(e);
				const name = options.servername || (net.isIP(options.hostname) ? '' : options.hostname);
				const s = tls.connect({ socket, servername: name, ALPNProtocols: ['http/1.1'] });
				s.once('secureConnect', () => done(null, s)).once('error', done);
			});
		},
	});
	const agent = {
		dispatch(options, handler) {
			const origin = new URL(options.origin);
			if (origin.protocol === 'https:') return secure.dispatch(options, handler);
			const headers = Array.isArray(options.headers) ? [...options.headers, 'host', origin.host]
				: Object.assign({}, options.headers, { host: origin.host });
			return plain.dispatch(Object.assign({}, options, {
				origin: `http://${host}:${port}`, path: origin.origin + options.path, headers,
			}), handler);
		},
		close() { return Promise.resolve(); },
		destroy() { return Promise.resolve(); },
	};
	Object.defineProperty(globalThis, key, { value: agent, writable: true, enumerable: false, configurable: false });
	return undo;
}

const room = Buffer.allocUnsafeSlow(1 << 16);
function readAll(fd) {
	const parts = [];
	for (let part = room, used = 0, n = 1; n > 0; part = Buffer.allocUnsafeSlow(1 << 16), used = 0) {
		while (used < part.length && (n = fs.readSync(fd, part, used, part.length - used, null)) > 0) used += n;
		parts.push(part.subarray(0, used));
	}
	fs.closeSync(fd);
	return Buffer.concat(parts);
}

function forget() {
	delete cache[own];
	process.mainModule = undefined;
	process.argv = ['node', '/code.js'];
	process.execArgv = [];
	process.execPath = '/usr/bin/node';
	process.title = 'node';
	delete process.dlopen;
	process.binding = () => { throw new Error('process.binding is not available'); };
}

function run(source, name) {
	const main = new Module('/code.js', undefined);
	main.filename = '/code.js';
	main.paths = ['/node_modules'];
	main.loaded = true;
	const options = { filename: name };
	if (loader) options.importModuleDynamically = loader;
	const names = ['require', 'module', 'exports', '__filename', '__dirname'];
	compile(source, names, options).call(main.exports, createRequire('/code.js'), main, main.exports, '/code.js', '/');
}

function begin() {
	const text = readAll(3), cut = 8 + Number(text.readBigUInt64LE(0));
	const preload = text.subarray(8, cut).toString('utf8'), code = text.subarray(cut).toString('utf8');
	if (preload) run(preload, '/preload.js');
	run(code, '/code.js');
}

// --- a process that is forked ---

// What V8 drew before the fork is the same in every child. A flag seeds Math.random of this context, with 32
// bits; how far its sequence has gone adds to them. Contexts that a program makes are seeded from a generator
// that moves on with every symbol: each child of one parent is at another place of it.
function drawAgain() {
	v8.setFlagsFromString('--random-seed=' + (jail.chance() | 0 || 1));
	new Uint8Array(1 + (jail.chance() & 4095)).map(Math.random);
	v8.setFlagsFromString('--random-seed=0');
	for (let n = jail.turn(); n > 0; n--) Symbol();
}

// The end of a program is the end of the process: taking Node apart would take longer than most programs. After
// an uncaught error it must go on for a little, since it prints the error after it has told `exit`; it ends by
// itself then, with the code that is noted here (see pthread_cond_broadcast in threads.c).
function endAtOnce() {
	const emit = process.emit, { leave, note } = jail;
	let failed = false;
	const value = function emitAndEnd(name, code) {
		if (name === 'uncaughtExceptionMonitor') {
			failed = true;
			// In a listener of `exit` it is told no second time, nor when a handler of errors fails itself.
			note(!process._exiting ? 7 : process.exitCode === undefined ? 1 : process.exitCode);
		}
		const heard = apply(emit, this, arguments);
		if (name === 'exit' && this === process && (failed || process._exiting))
			(failed ? note : leave)(process.exitCode === undefined ? code : process.exitCode);
		return heard;
	};
	Object.defineProperty(process, 'emit', { value, writable: true, configurable: true, enumerable: false });
	process.reallyExit = leave;
}

function settle() {
	Object.defineProperty(process, 'pid', { value: jail.pid(), enumerable: true, configurable: true });
	drawAgain();
	endAtOnce();
}

// What the start left behind would be copied by every child that collects.
function collect() {
	v8.setFlagsFromString('--expose-gc');
	vm.runInNewContext('gc')();
	v8.setFlagsFromString('--no-expose-gc');
}

// What nearly every program does is done once here, so that V8 has compiled it before the fork: a program is
// read and run, and something is printed to a pipe.
function rehearse(done) {
	const { Console } = console, net = require('net');
	const out = new net.Socket({ fd: jail.pipe(), readable: false, writable: true });
	const page = new Console({ stdout: out, stderr: out });
	page.log('%s', 'a', 1, { a: [1.5, null, 'b'], b: { c: undefined } }, [], new Error('none').message);
	page.error('a');
	readAll(fs.openSync('/dev/null'));
	run('var a = JSON.parse(Buffer.from("e30=", "base64").toString("utf-8")); JSON.stringify(a)', '/code.js');
	setTimeout(() => out.destroy(), 1);
	out.once('close', () => setImmediate(done));
}

function serve() {
	const undo = useProxy();
	for (const name of ['http', 'https', 'net', 'tls', 'tty', 'dns', 'timers/promises', 'fs/promises'])
		require(name);
	delete process.env.LD_PRELOAD;
	forget();
	rehearse(() => {
		collect();
		const flags = jail.serve();
		settle();
		if (flags & 2)
			for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'])
				process.env[name] = 'http://127.0.0.1:3128';
		else
			undo();
		begin();
	});
}

// Two programs must end well and draw different numbers, one must end with an error and tell it. WebAssembly is
// what V8 has a thread for.
const addOne = Buffer.from('0061736d0100000001060160017f017f0302010007050101660000' + '0a09010700200041016a0b', 'hex');
function trial() {
	const { randomBytes } = require('crypto'), ends = [];
	fs.writeSync(1, process.versions.node + '\n' + fs.realpathSync(process.execPath) + '\n');
	for (let n = 0; n < 3; n++) {
		const how = jail.attempt();
		if (how === -1) {
			settle();
			if (n === 2) throw new Error('a program that fails');
			const { exports } = new WebAssembly.Instance(new WebAssembly.Module(addOne));
			for (let k = 0; k < 50000;) k = exports.f(k);
			return void setTimeout(() => console.log(1 + 1, Math.random(), randomBytes(8).toString('hex')), 1);
		}
		ends.push(how);
	}
	fs.writeSync(1, 'ends ' + ends.join(' ') + '\n');
	jail.leave(0);
}

if (mode === 'try') {
	trial();
} else if (mode === 'fork') {
	serve();
} else {
	if (process.env.HTTP_PROXY) useProxy();
	forget();
	jail.enter();
	begin();
}

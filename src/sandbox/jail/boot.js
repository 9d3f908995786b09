// SPDX-License-Identifier: Apache-2.0
// The JavaScript side of a warm process: loads what programs use, waits in the add-on for its one
// order, and comes back jailed. Then the code of descriptor 3 is the program.
'use strict';
const fs = require('fs'), Module = require('module'), vm = require('vm');
for (const name of ['buffer', 'url', 'util', 'path', 'crypto', 'zlib', 'events', 'stream', 'timers', 'assert',
	'string_decoder', 'querystring'])
	require(name);
const proxied = Boolean(process.env.HTTP_PROXY);
if (proxied) useProxy();
const compile = vm.compileFunction, loader = vm.constants && vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
const cache = Module._cache, own = __filename, createRequire = Module.createRequire;

// Requests of http, https and fetch go to the one address that there is, as a proxy is asked.
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
	http.globalAgent = new PlainAgent({ keepAlive: false });
	https.globalAgent = new TunnelAgent({ keepAlive: false });
	// Reading Headers loads the library behind fetch, which leaves its agent under this name.
	void globalThis.Headers;
	const key = Symbol.for('undici.globalDispatcher.1'), plain = globalThis[key];
	if (!plain) return;
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
}

function readAll(fd) {
	const parts = [];
	for (;;) {
		const part = Buffer.alloc(1 << 16), n = fs.readSync(fd, part, 0, part.length, null);
		if (n === 0) break;
		parts.push(part.subarray(0, n));
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

process.dlopen({ exports: {} }, __dirname + '/jail.so');
const text = readAll(3), cut = 8 + Number(text.readBigUInt64LE(0));
const preload = text.subarray(8, cut).toString('utf8'), code = text.subarray(cut).toString('utf8');
forget();
if (preload) run(preload, '/preload.js');
run(code, '/code.js');

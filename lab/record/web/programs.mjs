// Clients of Node's own HTTP/2 and TLS: `node programs.mjs ROLE [--name value]...`. They speak to the lab's own addresses only.
//
// reset: streams of HTTP/2 that are opened and given up one by one. handshakes: whole TLS handshakes, and gone. hold: connections that are opened and
// kept without a word. poll (wanted): screens that ask for one small answer at a fixed pace over a kept connection.

import fs from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import tls from 'node:tls';

const NAME = 'www.parliament.example', V4 = '192.0.2.10', V6 = '2001:db8:1::10';
const role = process.argv[2];
const options = { hosts: 10, rate: 20, ipv6: 0, path: '/', port: 443 };
for (let at = 3; at + 1 < process.argv.length; at += 2) {
  const name = process.argv[at].replace(/^--/, '');
  options[name] = typeof options[name] === 'number' ? Number(process.argv[at + 1]) : process.argv[at + 1];
}

// As `namespace.py`.
const known = JSON.parse(fs.readFileSync(new URL('namespace.json', import.meta.url)));
const strange = fs.readdirSync('/sys/class/net').filter((name) => !known.includes(name));
if (strange.length) throw new Error(`not a namespace of the lab: ${strange}`);

const pick = (list) => list[Math.floor(Math.random() * list.length)];
const hex = () => (1 + Math.floor(Math.random() * 65534)).toString(16);
const source = () => Math.random() < options.ipv6
  ? `2001:db8:ffff:${Math.floor(Math.random() * 256).toString(16)}::${hex()}`
  : `198.18.${Math.floor(Math.random() * 256)}.${1 + Math.floor(Math.random() * 253)}`;
const sources = Array.from({ length: options.hosts }, source);
const to = (localAddress) => ({ host: localAddress.includes(':') ? V6 : V4, port: options.port, localAddress });
const secure = (localAddress, protocols) => tls.connect({ ...to(localAddress), servername: NAME, rejectUnauthorized: false, ALPNProtocols: protocols });

/** `make()` so many times a second, with some chance in it. */
function pace(make) {
  const next = () => { make(); setTimeout(next, 1000 / options.rate * (0.6 + 0.8 * Math.random())); };
  next();
}

function session(localAddress) {
  const made = http2.connect(`https://${NAME}`, { createConnection: () => secure(localAddress, ['h2']) });
  made.on('error', () => {});
  return made;
}

const roles = {
  reset() {
    const open = sources.map(session);
    pace(() => {
      const at = Math.floor(Math.random() * open.length);
      if (open[at].closed || open[at].destroyed) open[at] = session(sources[at]);
      try {
        const stream = open[at].request({ ':path': `${options.path}?${hex()}` });
        stream.on('error', () => {});
        stream.close(http2.constants.NGHTTP2_CANCEL);
      } catch { /* the next one */ }
    });
  },
  handshakes() {
    pace(() => {
      const link = secure(pick(sources), ['http/1.1']);
      link.on('secureConnect', () => link.end());
      link.on('error', () => {});
    });
  },
  hold() {
    pace(() => net.connect(to(pick(sources))).on('error', () => {}));
  },
  poll() {
    for (const address of sources) {
      const link = session(address);
      setTimeout(() => setInterval(() => {
        const stream = link.request({ ':path': options.path });
        stream.on('error', () => {});
        stream.resume();
      }, 1000 / options.rate), 1000 * Math.random());
    }
  },
};
roles[role]();

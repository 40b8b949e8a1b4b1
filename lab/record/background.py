"""Ordinary traffic at Poisson rates, for as long as a recording runs: what an edge sees while nothing is wrong.

`outside` (in inet): visitors fetch pages over IPv4 and IPv6 from changing addresses, resolvers ask the public name server.
`inside` (in parl): staff resolve names and fetch pages outside, hosts set their clocks.
Rates are per second; the seed fixes who comes when.
"""

import argparse
import asyncio
import random
import socket
import struct

rng = random.Random()
CLIENTS = []


async def fetch(source, target, path, paces=1):
    """One connection with a few requests, read to the end."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(target, 80, local_addr=(source, 0)), 5)
        for step in range(paces):
            last = step == paces - 1
            writer.write(f"GET {path} HTTP/1.1\r\nHost: www.parliament.example\r\nUser-Agent: Mozilla/5.0\r\nConnection: {'close' if last else 'keep-alive'}\r\n\r\n".encode())
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r")[0])
            await asyncio.wait_for(reader.readexactly(length), 5)
            await asyncio.sleep(rng.expovariate(4))
        writer.close()
    except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, IndexError):
        pass


async def ask(source, target, port, body):
    """One datagram and its answer; the socket stays a while, as a resolver's does."""
    link = socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        link.bind((source, 0))
        link.setblocking(False)
        link.connect((target, port))
        link.send(body)
        await asyncio.wait_for(asyncio.get_running_loop().sock_recv(link, 4096), 2)
    except (OSError, asyncio.TimeoutError):
        pass
    finally:
        link.close()


def query(name):
    labels = b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
    return struct.pack("!6H", rng.getrandbits(16), 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", rng.choice((1, 1, 28, 15)), 1)


def visitor():
    return rng.choice(CLIENTS)


def web():
    path = f"/page{rng.randrange(24)}.html"
    if rng.random() < 0.3:
        return fetch(f"2001:db8:ffff::{rng.randrange(16, 90):x}", "2001:db8:1::10", path)
    return fetch(visitor(), "192.0.2.10", path, rng.choice((1, 1, 2, 3)))


def dns():
    name = rng.choice(("www", "mail", "ns", "static", "stream")) + ".parliament.example"
    if rng.random() < 0.25:
        return ask(f"2001:db8:ffff::{rng.randrange(16, 90):x}", "2001:db8:1::53", 53, query(name))
    return ask(f"198.18.{rng.randrange(40, 44)}.{rng.randrange(1, 250)}", "192.0.2.53", 53, query(name))


def lookups():
    return ask("192.0.2.140", "192.0.2.140", 53, query(f"h{rng.randrange(10 ** 6)}.news{rng.randrange(40)}.example"))


def browse():
    return fetch(f"192.0.2.{rng.randrange(130, 139)}", "203.0.113.80", f"/page{rng.randrange(24)}.html")


def ntp():
    return ask(f"192.0.2.{rng.randrange(130, 139)}", "203.0.113.53", 123, b"\x23" + b"\0" * 47)


async def stream(rate, make):
    while rate > 0:
        await asyncio.sleep(rng.expovariate(rate))
        task = asyncio.ensure_future(make())
        task.add_done_callback(lambda _: None)


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=("outside", "inside"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--web", type=float, default=4)
    parser.add_argument("--dns", type=float, default=8)
    options = parser.parse_args()
    rng.seed(options.seed)
    CLIENTS.extend(f"198.18.{rng.randrange(1, 30)}.{rng.randrange(1, 250)}" for _ in range(80))
    if options.role == "outside":
        await asyncio.gather(stream(options.web, web), stream(options.dns, dns))
    else:
        await asyncio.gather(stream(options.web / 4, browse), stream(options.dns / 2, lookups), stream(0.5, ntp))


try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass

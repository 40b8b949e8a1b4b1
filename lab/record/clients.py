"""Small ordinary clients and peers for the benign recordings that no packaged tool covers.

`ntp`: clock requests from forty inside addresses. `sink PORT`: takes datagrams. `echo PORT`: answers each datagram with one of the same size.
`call ADDRESS`: twelve outside addresses each send 50 datagrams a second to port 40100, as callers of a conference do.
`rush RATE`: visitors from 200 addresses and both families, one page each.
"""

import asyncio
import random
import socket
import sys

rng = random.Random(9)


def udp(address, port=0):
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.bind((address, port))
    link.setblocking(False)
    return link


async def ntp():
    while True:
        link = udp(f"192.0.2.{rng.randrange(130, 170)}", 0)
        link.sendto(b"\x23" + b"\0" * 47, ("203.0.113.53", 123))
        await asyncio.sleep(0.04)
        link.close()


async def serve(port, answer):
    link = udp("0.0.0.0", port)
    loop = asyncio.get_running_loop()
    while True:
        body, peer = await loop.sock_recvfrom(link, 2048)
        if answer:
            link.sendto(body, peer)


async def caller(number, target):
    link = udp(f"198.18.65.{number}", 20000 + number)
    link.connect((target, 40100))
    for step in range(400):
        try:
            link.send(b"\x80\x60" + step.to_bytes(2, "big") + b"\0" * rng.randint(140, 900))
        except OSError:
            pass
        await asyncio.sleep(0.02)


async def visit(number):
    six = number % 4 == 0
    source = f"2001:db8:ffff::{1000 + number % 60:x}" if six else f"198.18.{70 + number % 3}.{1 + number % 140}"
    try:
        reader, writer = await asyncio.open_connection("2001:db8:1::10" if six else "192.0.2.10", 80, local_addr=(source, 0))
        writer.write(b"GET /index.html HTTP/1.1\r\nHost: www.parliament.example\r\nConnection: close\r\n\r\n")
        await reader.read()
        writer.close()
    except OSError:
        pass


async def rush(rate):
    number = 0
    while True:
        asyncio.ensure_future(visit(number))
        number += 1
        await asyncio.sleep(rng.expovariate(rate))


async def main():
    what, *rest = sys.argv[1:]
    if what == "ntp":
        await ntp()
    elif what in ("sink", "echo"):
        await serve(int(rest[0]), what == "echo")
    elif what == "call":
        await asyncio.gather(*(caller(n, rest[0]) for n in range(1, 13)))
    elif what == "rush":
        await rush(float(rest[0]))


try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass

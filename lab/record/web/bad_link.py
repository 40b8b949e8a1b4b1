"""A bad link for the readers in 198.18.200.0/24: delay, jitter, loss and little bandwidth in both directions, by a relay between two tun devices.

netem would do the same, but needs a module that not every kernel has. `bad_link.py LAB DELAY_MS JITTER_MS LOSS KBIT`; it runs in the namespace LAB-inet,
enters LAB-core for the other end, and takes its routes away with its devices when it ends.
"""

import asyncio
import ctypes
import fcntl
import os
import random
import struct
import subprocess
import sys

PREFIX = "198.18.200.0/24"
rng = random.Random(21)


def device(name):
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(handle, 0x400454CA, struct.pack("16sH", name.encode(), 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
    return handle


def ip(words):
    subprocess.run(["ip"] + words.split(), check=True)


def enter(path):
    if ctypes.CDLL(None, use_errno=True).setns(os.open(path, os.O_RDONLY), 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")


class Direction:
    """A queue with a rate: what does not fit is lost, as in the buffers of real links."""

    def __init__(self, sink, delay, jitter, loss, kbit):
        self.sink, self.delay, self.jitter, self.loss, self.rate, self.free, self.last = sink, delay, jitter, loss, kbit * 125.0, 0.0, 0.0

    def take(self, packet):
        loop = asyncio.get_running_loop()
        now = loop.time()
        self.free = max(self.free, now) + len(packet) / self.rate
        if rng.random() < self.loss or self.free - now > 0.8:
            return
        # In order, as a radio link delivers.
        self.last = max(self.last, self.free + self.delay + rng.expovariate(1 / self.jitter))
        loop.call_at(self.last, os.write, self.sink, packet)


async def main():
    lab, delay, jitter, loss, kbit = sys.argv[1], *map(float, sys.argv[2:6])
    near = device("bad0")
    ip("link set bad0 up mtu 1500")
    ip("route add default dev bad0 table 77")
    ip(f"rule add from {PREFIX} lookup 77")
    enter(f"/run/netns/{lab}-core")
    far = device("bad1")
    ip("link set bad1 up mtu 1500")
    ip(f"route add {PREFIX} dev bad1")
    out, back = (Direction(sink, delay / 1000, jitter / 1000, loss, kbit) for sink in (far, near))
    loop = asyncio.get_running_loop()
    loop.add_reader(near, lambda: out.take(os.read(near, 2048)))
    loop.add_reader(far, lambda: back.take(os.read(far, 2048)))
    await asyncio.Event().wait()


try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass
finally:
    subprocess.run(["ip", "-n", f"{sys.argv[1]}-inet", "rule", "del", "from", PREFIX, "lookup", "77"], check=False)

"""Programs written with `requests`: each address keeps its connection and asks for a page, waits a little, and asks again.

`sessions.py --hosts N --least S --most S [--plain] [--path P]... [--tiny]`; with --tiny heads are sent a byte at a time over bare sockets instead.
They go to the lab's own addresses only, from addresses of the lab.
"""

import argparse
import random
import socket
import threading
import time

import requests
import urllib3
from requests.adapters import HTTPAdapter

import namespace

NAME, V4 = "www.parliament.example", "192.0.2.10"


class From(HTTPAdapter):
    """Binds to an address."""

    def __init__(self, source):
        self.source = source
        super().__init__()

    def init_poolmanager(self, *args, **more):
        super().init_poolmanager(*args, source_address=(self.source, 0), **more)


def ask(source, options, rng):
    session = requests.Session()
    # A proxy of the machine is nothing to this namespace, nor are its authorities.
    session.verify, session.trust_env = False, False
    scheme = "http" if options.plain else "https"
    session.mount(f"{scheme}://", From(source))
    time.sleep(rng.uniform(0, 2))
    while True:
        try:
            session.get(f"{scheme}://{NAME}{rng.choice(options.path)}", timeout=8)
        except requests.RequestException:
            pass
        time.sleep(rng.uniform(options.least, options.most))


def trickle(source, options, rng):
    """A head whose bytes come one by one."""
    while True:
        time.sleep(rng.uniform(0, 5))
        try:
            with socket.create_connection((V4, 80), 5, (source, 0)) as link:
                link.sendall(f"GET {rng.choice(options.path)} HTTP/1.1\r\nHost: {NAME}\r\nX-Note: ".encode())
                while True:
                    time.sleep(rng.uniform(options.least, options.most))
                    link.sendall(b"a")
        except OSError:
            pass


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--least", type=float, default=0.4)
    parser.add_argument("--most", type=float, default=1.4)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--path", action="append", default=[])
    options = parser.parse_args()
    options.path = options.path or ["/"]
    namespace.require()
    urllib3.disable_warnings()
    rng = random.Random(f"{options.hosts}{options.path}")
    for number in range(options.hosts):
        source = f"198.18.{rng.randrange(256)}.{rng.randrange(1, 255)}"
        threading.Thread(target=trickle if options.tiny else ask, args=(source, options, random.Random(number)), daemon=True).start()
    while True:
        time.sleep(1)


main()

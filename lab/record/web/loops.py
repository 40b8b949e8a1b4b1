"""Weak floods as scripts make them: some addresses, each of which asks for the same few things again and again; `loops.py [options]`.

Each address is a worker with one library of Python's own (`--library raw`, `http.client`, `urllib` or `h2`), a pace (`--rate` requests a second each, with
`--spread` fixed, uniform or poisson waits), and a connection that it keeps or opens anew (`--new`). `--slow N` reads N bytes a second of a large answer instead,
`--reset` takes each stream of HTTP/2 back as soon as it is asked for. They go to the lab's own addresses only, from addresses of the lab.
"""

import argparse
import http.client
import random
import socket
import ssl
import threading
import time
import urllib.request

import h2.config
import h2.connection

import namespace
from browser import NAME, V4, context

TLS = {"h1": context(["http/1.1"]), "h2": context(["h2"])}
FAILURES = (OSError, ValueError, http.client.HTTPException, h2.exceptions.ProtocolError)


class Worker:
    """One address."""

    def __init__(self, source, options, rng):
        self.source, self.o, self.rng = source, options, rng
        self.link = None

    def wait(self):
        mean = 1.0 / self.o.rate
        time.sleep({"fixed": mean, "uniform": self.rng.uniform(0.3, 1.7) * mean, "poisson": self.rng.expovariate(self.o.rate)}[self.o.spread])

    def path(self):
        path = self.rng.choice(self.o.path)
        return path.replace("RANDOM", f"{self.rng.getrandbits(40):x}")

    def run(self):
        time.sleep(self.rng.uniform(0, self.o.ramp))
        ask = {"raw": self.raw, "http.client": self.client, "urllib": self.urllib, "h2": self.h2}[self.o.library]
        while True:
            try:
                ask()
            except FAILURES:
                self.link = None
                time.sleep(0.3)

    def connect(self, kind="h1"):
        link = socket.socket()
        if self.o.buffer:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.o.buffer)
        link.settimeout(6)
        link.bind((self.source, 0))
        link.connect((V4, 80 if self.o.scheme == "http" else 443))
        return link if self.o.scheme == "http" else TLS[kind].wrap_socket(link, server_hostname=NAME)

    def raw(self):
        """A socket and a head of three lines."""
        if self.link is None or self.o.new:
            self.link = self.connect()
        head = f"GET {self.path()} HTTP/1.1\r\nHost: {NAME}\r\nUser-Agent: {self.o.agent}\r\n" + ("Connection: close\r\n" if self.o.new else "")
        self.link.sendall(f"{head}\r\n".encode())
        if self.o.slow:
            return self.trickle()
        got = b""
        while b"\r\n\r\n" not in got:
            got += self.more()
        head, _, body = got.partition(b"\r\n\r\n")
        lengths = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
        while (len(body) < lengths[0]) if lengths else not body.endswith(b"0\r\n\r\n"):
            body += self.more()
        if self.o.new:
            self.link.close()
        self.wait()

    def more(self):
        got = self.link.recv(65536)
        if not got:
            raise OSError("closed")
        return got

    def trickle(self):
        while self.link.recv(self.o.slow):
            time.sleep(1)
        self.link = None

    def client(self):
        """http.client, as most small scripts use it in the end."""
        if self.link is None or self.o.new:
            make = http.client.HTTPConnection if self.o.scheme == "http" else lambda *a, **k: http.client.HTTPSConnection(*a, context=TLS["h1"], **k)
            self.link = make(NAME, timeout=6, source_address=(self.source, 0))
        self.link.request("GET", self.path(), headers={"User-Agent": self.o.agent, "Accept": "*/*"})
        self.link.getresponse().read()
        if self.o.new:
            self.link.close()
        self.wait()

    def urllib(self):
        """urllib, which ends each connection; bound by its connection class."""
        source = (self.source, 0)

        class Http(urllib.request.HTTPHandler):
            def http_open(self, req):
                return self.do_open(lambda host, **more: http.client.HTTPConnection(host, source_address=source, **more), req)

        class Https(urllib.request.HTTPSHandler):
            def https_open(self, req):
                return self.do_open(lambda host, **more: http.client.HTTPSConnection(host, source_address=source, context=TLS["h1"], **more), req)

        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Http(), Https())
        opener.open(f"{self.o.scheme}://{NAME}{self.path()}", timeout=6).read()
        self.wait()

    def h2(self):
        """HTTP/2 on a kept connection, one stream after the other, or each given up at once."""
        link = self.connect("h2")
        state = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        state.initiate_connection()
        state.increment_flow_control_window(1 << 24)
        link.settimeout(0.002)
        until = time.monotonic()
        while True:
            stream = state.get_next_available_stream_id()
            state.send_headers(stream, [(":method", "GET"), (":authority", NAME), (":scheme", "https"), (":path", self.path()), ("user-agent", self.o.agent)], end_stream=True)
            if self.o.reset and self.o.apart:
                link.sendall(state.data_to_send())
                time.sleep(self.o.apart)
            if self.o.reset:
                state.reset_stream(stream, 8)
            link.sendall(state.data_to_send())
            mean = 1.0 / self.o.rate
            until = max(until, time.monotonic() - 1) + {"fixed": mean, "uniform": self.rng.uniform(0.3, 1.7) * mean, "poisson": self.rng.expovariate(self.o.rate)}[self.o.spread]
            while time.monotonic() < until:
                try:
                    got = link.recv(65536)
                except (ssl.SSLWantReadError, TimeoutError):
                    time.sleep(0.004)
                    continue
                if not got:
                    raise OSError("closed")
                for event in state.receive_data(got):
                    if isinstance(event, h2.events.DataReceived) and event.flow_controlled_length:
                        state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    elif isinstance(event, h2.events.ConnectionTerminated):
                        raise OSError("goodbye")
                link.sendall(state.data_to_send())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=10)
    parser.add_argument("--rate", type=float, default=1.0, help="requests a second of each address")
    parser.add_argument("--spread", choices=("fixed", "uniform", "poisson"), default="fixed")
    parser.add_argument("--library", choices=("raw", "http.client", "urllib", "h2"), default="raw")
    parser.add_argument("--scheme", choices=("http", "https"), default="http")
    parser.add_argument("--agent", default="python-urllib/3.11")
    parser.add_argument("--path", action="append", default=[], help="RANDOM in it is drawn anew for each request")
    parser.add_argument("--ramp", type=float, default=1.0, help="seconds within which the addresses begin")
    parser.add_argument("--new", action="store_true")
    parser.add_argument("--reset", action="store_true")
    parser.add_argument("--apart", type=float, default=0.0, help="seconds between a stream and its end")
    parser.add_argument("--slow", type=int, default=0)
    parser.add_argument("--buffer", type=int, default=0, help="bytes that the system keeps for a connection")
    options = parser.parse_args()
    options.path = options.path or ["/"]
    namespace.require()
    rng = random.Random(f"{options.hosts}{options.path}{options.rate}")
    for number in range(options.hosts):
        source = f"198.18.{rng.randrange(256)}.{rng.randrange(1, 255)}"
        threading.Thread(target=Worker(source, options, random.Random(number)).run, daemon=True).start()
    while True:
        time.sleep(1)


main()

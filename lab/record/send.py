"""Sends crafted packets at a steady rate from inside a lab namespace.

It exists for what hping3 and nping cannot do: IPv6 floods, GRE and ESP, requests with a forged source to many
reflectors, floods over a whole prefix. Packets leave through an AF_PACKET socket towards the core router, so the
kernel adds nothing. The same seed gives the same packets. It refuses to start outside a namespace of the lab.
"""

import argparse
import ipaddress
import os
import random
import socket
import struct
import time

import topology

GATEWAY = "out"
TCP_FLAGS = {"syn": 0x02, "synack": 0x12, "ack": 0x10, "push": 0x18, "rst": 0x04, "fin": 0x01, "xmas": 0x29, "null": 0x00, "synfin": 0x03}


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_header(source, target, protocol, length, rng, fragment=0, hops=None):
    """IPv4 or IPv6 header, after the family of the target; `fragment` is the IPv4 flags-and-offset word."""
    hops = hops or rng.choice((47, 51, 53, 58, 112, 116, 243))
    if target.version == 4:
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, rng.getrandbits(16), fragment, hops, protocol, 0, source.packed, target.packed)
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return struct.pack("!IHBB16s16s", 0x60000000, length, protocol, hops, source.packed, target.packed)


def pseudo(source, target, protocol, length):
    if target.version == 4:
        return source.packed + target.packed + struct.pack("!BBH", 0, protocol, length)
    return source.packed + target.packed + struct.pack("!IHBB", length, 0, 0, protocol)


def with_sum(source, target, protocol, segment, at):
    """Fills in the transport checksum that lies at byte `at`."""
    total = checksum(pseudo(source, target, protocol, len(segment)) + segment) or 0xFFFF
    return segment[:at] + struct.pack("!H", total) + segment[at + 2:]


def number(text, rng):
    """`80`, `1024-65535` or `80,443`."""
    if "-" in text:
        low, high = text.split("-")
        return rng.randint(int(low), int(high))
    return int(rng.choice(text.split(",")))


class Hosts:
    """A comma-separated list of addresses and prefixes to draw from; `+N` after a prefix limits it to N drawn hosts."""

    def __init__(self, text, rng):
        self.pools, self.rng = [], rng
        for part in text.split(","):
            if part.startswith("reflectors"):  # reflectors:N, or reflectors6:N
                family, _, count = part.partition(":")
                bound = [a for a in topology.BOUND["refl"] if (":" in a) == family.endswith("6")]
                self.pools.append([ipaddress.ip_address(a) for a in bound[:int(count)]])
                continue
            part, _, limit = part.partition("+")
            net = ipaddress.ip_network(part, strict=False)
            if limit:
                self.pools.append([net[rng.randrange(1, min(net.num_addresses - 1, 1 << 30))] for _ in range(int(limit))])
            else:
                self.pools.append(net)

    def draw(self):
        pool = self.rng.choice(self.pools)
        if isinstance(pool, list):
            return self.rng.choice(pool)
        count = pool.num_addresses
        return pool[0] if count == 1 else pool[self.rng.randrange(1, min(count - 1, 1 << 62))]


def dns_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def dns_query(rng, name, kind, edns):
    record = b"\0\0\x29" + struct.pack("!HIH", edns, 0x8000, 0) if edns else b""
    return struct.pack("!6H", rng.getrandbits(16), 0x0100, 1, 0, 0, 1 if edns else 0) + dns_name(name) + struct.pack("!HH", kind, 1) + record


def payload(spec, size, rng):
    """Bytes above the transport header. Request forms are those of the protocols' own specifications."""
    kind, _, rest = spec.partition(":")
    if kind == "zero":
        return b"\0" * size
    if kind == "text":
        return (b"flood " * (size // 6 + 1))[:size]
    if kind == "random":
        return rng.randbytes(size)
    if kind == "quic":  # RFC 9000 17.2.2: a long-header Initial whose body is noise
        return bytes([0xC0 | rng.getrandbits(2)]) + b"\0\0\0\1\x08" + rng.randbytes(8) + b"\0\0" + struct.pack("!H", 0x4000 | size) + rng.randbytes(max(size - 18, 0))
    if kind == "dns":  # dns:NAME:TYPE[:EDNS]; a * in the name becomes a random label
        name, number_, *edns = rest.split(":")
        label = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=rng.randint(6, 14)))
        return dns_query(rng, name.replace("*", label), int(number_), int(edns[0]) if edns else 0)
    return REQUESTS[kind]


REQUESTS = {
    "empty": b"",
    "ntp_readvar": b"\x16\x02" + b"\0\1" + b"\0" * 8,
    "ntp_monlist": b"\x17\0\x03\x2a" + b"\0" * 4,
    "memcached_stats": b"\0\1\0\0\0\1\0\0stats\r\n",
    "memcached_get": b"\0\1\0\0\0\1\0\0get a\r\n",
    "ssdp": b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\nST: ssdp:all\r\n\r\n",
    "portmap_dump": struct.pack("!10I", 0x4D2, 0, 2, 100000, 2, 4, 0, 0, 0, 0),
    "tftp_read": b"\0\1file.bin\0octet\0",
    # SNMPv2c GetBulk of 1.3.6.1.2.1, community public, 60 repetitions
    "snmp_getbulk": bytes.fromhex("30260201010406" "7075626c6963" "a51902047fff000102010002013c" "300b300906052b060102010500"),
    "cldap": bytes.fromhex("30840000002d02010163840000002404000a01000a0100020100020100010100870b6f626a656374636c617373308400000000"),
    "one": b"\x01",
    "ws_discovery": b"<:/>",
    "query_info": b"\xff\xff\xff\xffTSource Engine Query\0",
}


def packet(options, source, target, rng):
    kind = options.kind
    if kind in TCP_FLAGS:
        flags = TCP_FLAGS[kind]
        body = payload(options.payload, int(number(options.size, rng)), rng)
        mss = b"\x02\x04\x05\xb4\x01\x01\x04\x02" if kind in ("syn", "synack") else b""
        segment = struct.pack("!HHIIBBHHH", number(options.sport, rng), number(options.dport, rng), rng.getrandbits(32),
                              rng.getrandbits(32) if flags & 0x10 else 0, (5 + len(mss) // 4) << 4, flags, rng.choice((1024, 8192, 29200, 64240)), 0, 0) + mss + body
        segment = with_sum(source, target, 6, segment, 16)
        return ip_header(source, target, 6, len(segment), rng) + segment
    if kind == "udp":
        body = payload(options.payload, number(options.size, rng), rng)
        segment = with_sum(source, target, 17, struct.pack("!HHHH", number(options.sport, rng), number(options.dport, rng), 8 + len(body), 0) + body, 6)
        return ip_header(source, target, 17, len(segment), rng) + segment
    return other(options, source, target, rng)


def other(options, source, target, rng):
    """Everything above IP that is neither TCP nor UDP."""
    kind, v6 = options.kind, target.version == 6
    body = payload(options.payload, number(options.size, rng), rng)
    if kind == "icmp":
        segment = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, rng.getrandbits(16), rng.getrandbits(16)) + body
        total = checksum((pseudo(source, target, 58, len(segment)) if v6 else b"") + segment)
        segment = segment[:2] + struct.pack("!H", total) + segment[4:]
        return ip_header(source, target, 58 if v6 else 1, len(segment), rng) + segment
    if kind == "unreachable":  # an error about a packet that the target never sent
        inner = ip_header(target, source, 17, 28, rng) + struct.pack("!HHHH", number(options.sport, rng), 53, 28, 0)
        segment = struct.pack("!BBHI", 1 if v6 else 3, 3 if not v6 else 4, 0, 0) + inner
        total = checksum((pseudo(source, target, 58, len(segment)) if v6 else b"") + segment)
        segment = segment[:2] + struct.pack("!H", total) + segment[4:]
        return ip_header(source, target, 58 if v6 else 1, len(segment), rng) + segment
    if kind == "fragment":  # a middle piece of a UDP datagram whose first piece never comes
        offset = rng.randint(1, 180)
        if v6:
            extension = struct.pack("!BBHI", 17, 0, (offset << 3) | 1, rng.getrandbits(32))
            return ip_header(source, target, 44, len(extension) + len(body), rng) + extension + body
        return ip_header(source, target, 17, len(body), rng, fragment=0x2000 | offset) + body
    if kind == "gre":  # plain GRE around an inner UDP packet, as Mirai's greip
        inner_target = ipaddress.ip_address(rng.getrandbits(32))
        segment = struct.pack("!HHHH", rng.getrandbits(16), rng.getrandbits(16), 8 + len(body), 0) + body
        inner = ip_header(ipaddress.ip_address(rng.getrandbits(32)), inner_target, 17, len(segment), rng) + segment
        return ip_header(source, target, 47, 4 + len(inner), rng) + b"\0\0\x08\0" + inner
    if kind == "esp":
        segment = struct.pack("!II", rng.getrandbits(32), rng.randint(1, 1 << 20)) + body
        return ip_header(source, target, 50, len(segment), rng) + segment
    if kind == "ah":  # an authentication header around nothing
        segment = struct.pack("!BBHII", 59, 4, 0, rng.getrandbits(32), rng.randint(1, 1 << 20)) + rng.randbytes(12)
        return ip_header(source, target, 51, len(segment), rng) + segment
    return ip_header(source, target, number(options.protocol, rng), len(body), rng) + body


def send(options, packets):
    """Sends in 2 ms steps; a step that comes late is caught up with, so that the mean rate holds."""
    link = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    kind = 0x86DD if packets[0][0] >> 4 == 6 else 0x0800
    side = open(f"/sys/class/net/{GATEWAY}/address").read().strip()
    towards = (GATEWAY, kind, 0, 0, bytes.fromhex(side.replace(":", ""))[:5] + b"\x01")
    on, _, off = options.pulse.partition("/")
    on, off = float(on or 0), float(off or 0)
    start, sent = time.monotonic(), 0
    while sent < len(packets):
        now = time.monotonic() - start
        if on:
            cycles, within = divmod(now, on + off)
            now = cycles * on + min(within, on)
        due = min(int(now * options.pps) + 1, len(packets))
        while sent < due:
            try:
                link.sendto(packets[sent], towards)
            except (BlockingIOError, OSError):
                pass
            sent += 1
        time.sleep(0.002)
    print(f"sent {sent} packets in {time.monotonic() - start:.2f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", required=True)
    parser.add_argument("--from", dest="source", required=True)
    parser.add_argument("--to", required=True)
    for name, default in (("sport", "1024-65535"), ("dport", "80"), ("size", "0"), ("payload", "zero"), ("protocol", "253"), ("pulse", "")):
        parser.add_argument(f"--{name}", default=default)
    parser.add_argument("--pps", type=float, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    devices = set(os.listdir("/sys/class/net"))
    if not devices <= {"lo", GATEWAY, "tunv"} or GATEWAY not in devices:
        raise SystemExit("send.py only runs in a namespace of the lab")
    rng = random.Random(options.seed)
    sources, targets = Hosts(options.source, rng), Hosts(options.to, rng)
    send(options, [packet(options, sources.draw(), targets.draw(), rng) for _ in range(options.count)])


if __name__ == "__main__":
    main()

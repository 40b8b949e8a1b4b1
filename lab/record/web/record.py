"""Records the web scenarios of scenarios.toml into data/recorded/web: for each the packets and the server's access log of the same run.

`lab/record/web/record.py [--only REGEX] [--lab NAME] [--work FOLDER] [--missing]`; the tables are written by `lab/record/run --index`.
Namespaces and addresses are those of lab/record/topology.py.
"""

import argparse
import fcntl
import gzip
import os
import re
import shlex
import signal
import struct
import subprocess
import sys
import time
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import website as site  # noqa: E402  (the folder has to be on the path first)
from topology import Lab, sh  # noqa: E402

OUT = os.path.normpath(f"{HERE}/../../../data/recorded")
TIMES = f"{OUT}/web/TIMES.tsv"
PACKETS_BYTES, LOG_BYTES = 125 << 10, 100 << 10  # of one packed file
DEFAULTS = {"before": 14.0, "attack": 18.0, "after": 6.0, "ordinary": 0.6, "vectors": "none", "packet_vectors": "", "target": "192.0.2.10", "set": "train", "site": {}, "run": [], "setup": [],
            "why": "", "tool": "", "settings": "", "log": True, "packets": True, "quic": False, "bad_link": "", "log_bytes": LOG_BYTES, "packet_bytes": PACKETS_BYTES, "lines": "", "min_lines": 0, "check": "", "min_packets": 0}


def scenarios():
    with open(f"{HERE}/scenarios.toml", "rb") as file:
        for number, entry in enumerate(tomllib.load(file)["scenario"]):
            unknown = set(entry) - set(DEFAULTS) - {"path"}
            if unknown:
                raise SystemExit(f"{entry['path']}: unknown keys {unknown}")
            yield DEFAULTS | entry | {"number": number, "path": f"web/{entry['path']}"}


# ---- what is kept of a packet

METHODS = (b"GET ", b"POST", b"HEAD", b"PUT ", b"OPTI", b"DELE", b"X-a:")


def kept(frame):
    """How many bytes of a frame are kept: heads of requests and TLS handshakes whole, of the rest what says what it is."""
    kind = frame[12:14]
    if kind == b"\x08\x00":
        transport, protocol = 14 + 4 * (frame[14] & 15), frame[23]
    elif kind == b"\x86\xdd":
        transport, protocol = 54, frame[20]
    else:
        return 96
    if protocol == 17:
        return transport + 8 + 34
    if protocol != 6 or len(frame) < transport + 20:
        return 96
    payload = transport + 4 * (frame[transport + 12] >> 4)
    to_port, begin = int.from_bytes(frame[transport + 2:transport + 4], "big"), frame[payload:payload + 5]
    if to_port == 80:
        return payload + (512 if begin[:4] in METHODS else 48)
    # Of TLS the head of the record, of its later pieces nothing: they say only that they are there.
    tls = 5 if begin[:1] in (b"\x14", b"\x15", b"\x16", b"\x17") and begin[1:2] == b"\x03" else 0
    if to_port == 443:
        return payload + (600 if begin[:1] == b"\x16" and tls else tls)
    return payload + (80 if begin.startswith(b"HTTP/") else tls + 4 if begin[:1] == b"\x16" else tls)


def cut(raw):
    """The records of a little-endian microsecond pcap with their frames cut, and its header."""
    data, at, records = open(raw, "rb").read(), 24, []
    while at + 16 <= len(data):
        seconds, micros, size, length = struct.unpack_from("<IIII", data, at)
        frame = data[at + 16:at + 16 + size]
        keep = min(len(frame), kept(frame))
        records.append(struct.pack("<IIII", seconds, micros, keep, length) + frame[:keep])
        at += 16 + size
    return data[:16] + struct.pack("<I", 640) + data[20:24], records


def pack(parts):
    """Without a time stamp, so that the same content gives the same file."""
    return gzip.compress(b"".join(parts), compresslevel=9, mtime=0)


def fitting(head, parts, limit):
    """As many parts from the beginning as fit into a file; gives the file and their number."""
    packed, count = pack([head, *parts]), len(parts)
    while len(packed) > limit:
        count = int(count * min(0.98, limit / len(packed)))
        packed = pack([head, *parts[:count]])
    return packed, count


def keep(packed, path):
    target = f"{OUT}/{path}"
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as sink:
        sink.write(packed)


def note_times(path, begins, ends):
    """When the flood was on, as seconds since 1970; runs side by side write the same table."""
    os.makedirs(os.path.dirname(TIMES), exist_ok=True)
    with open(TIMES, "a+", encoding="ascii") as table:
        fcntl.flock(table, fcntl.LOCK_EX)
        table.seek(0)
        rows = dict(line.rstrip("\n").split("\t", 1) for line in table.readlines()[1:])
        rows[path] = f"{begins:.3f}\t{ends:.3f}"
        table.seek(0)
        table.truncate()
        table.write("path\tbegins\tends\n" + "".join(f"{name}\t{row}\n" for name, row in sorted(rows.items())))


# ---- recording

class Run:
    """What one scenario starts, and ends again."""

    def __init__(self, lab, work, item):
        self.lab, self.work, self.item = lab, work, item
        self.log = open(f"{work}/commands.log", "a", encoding="utf-8")
        self.log.write(f"== {item['path']}\n")
        self.log.flush()

    def start(self, side, words, **more):
        more = {"stdout": self.log, "stderr": self.log} | more
        return subprocess.Popen(self.lab.inside(side) + words, stdin=subprocess.DEVNULL, start_new_session=True, cwd=self.work, **more)

    def command(self, line):
        """`side: words`; `floods`, `loops`, `readers`, `sessions` and `programs` stand for this folder's tools, {work} and {lab} for the folder and the namespaces' name."""
        side, _, rest = line.partition(": ")
        words = shlex.split(rest.replace("{work}", self.work).replace("{lab}", self.lab.prefix).replace("{here}", HERE))
        if words[0] in ("floods", "loops", "readers", "sessions", "hold"):
            words = ["python3", f"{HERE if words[0] != 'hold' else os.path.dirname(HERE)}/{words[0]}.py"] + words[1:]
        if words[0] == "programs":
            words = ["node", f"{HERE}/programs.mjs"] + words[1:]
        return side, words

    def server(self):
        """nginx, the application, and HTTP/3 where it is asked for."""
        sh(f"rm -rf {self.work}/cache {self.work}/access.log")
        servers = [self.start("parl", site.nginx(self.work, self.item["site"])), self.start("parl", ["python3", f"{HERE}/website.py", "app", "8080"])]
        if self.item["quic"]:
            servers.append(self.start("parl", ["python3", f"{HERE}/website.py", "quic", f"{self.work}/tls.crt", f"{self.work}/tls.key"]))
        time.sleep(1.5)
        if any(server.poll() is not None for server in servers):
            raise SystemExit(f"{self.item['path']}: a server ended at once; see {self.log.name}")
        return servers


def end(processes, patience=3.0):
    """Interrupts what is still running, then makes sure; only what this run started."""
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
    limit = time.monotonic() + patience
    for process in processes:
        try:
            process.wait(max(0.05, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            pass
        # What a shell started in the background does not hear interrupts, and outlives the shell.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def record(lab, work, item):
    """One run: ordinary readers throughout, the scenario's commands in the middle. Gives when those began and ended."""
    run = Run(lab, work, item)
    for line in item["setup"]:
        side, words = run.command(line)
        subprocess.run(lab.inside(side) + words, check=True, stdout=subprocess.DEVNULL, timeout=30)
    servers, raw = run.server(), f"{work}/raw.pcap"
    dump = run.start("edge", ["tcpdump", "-i", "out", "-n", "-w", raw, "-s", "700", "-B", "32768", "-Z", "root", "host 192.0.2.10 or host 2001:db8:1::10"], stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    quiet = [run.start(*run.command(f"inet: readers ordinary --rate {item['ordinary']} --seed {item['number']}"))] if item["ordinary"] else []
    if item["bad_link"]:
        quiet.append(run.start("inet", ["python3", f"{HERE}/bad_link.py", lab.prefix, *item["bad_link"].split()]))
    time.sleep(item["before"])
    begins = time.time()
    busy = [run.start(*run.command(line)) for line in item["run"]]
    limit = time.monotonic() + item["attack"]
    while time.monotonic() < limit and (item["vectors"] == "none" or any(p.poll() is None for p in busy)):
        time.sleep(0.05)
    end(busy, 1.0)
    ends = time.time()
    time.sleep(item["after"])
    end(quiet)
    time.sleep(0.3)
    end([dump])
    end(servers)
    lost = re.search(r"(\d+) packets? dropped by kernel", dump.stderr.read())
    if lost and int(lost.group(1)):
        print(f"  {item['path']}: capture lost {lost.group(1)} packets")
    return raw, begins, ends


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="regular expression on the path")
    parser.add_argument("--skip", default="^$", help="regular expression on the path")
    parser.add_argument("--lab", default="hweb")
    parser.add_argument("--work", default="/tmp/hemicycle-record-web")
    parser.add_argument("--part", default="0/1", help="k/n: every n-th scenario, beginning with k")
    parser.add_argument("--missing", action="store_true", help="only what is not there yet")
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    lab = Lab(options.lab)
    lab.up()
    # Twelve bytes less in each packet, of which half do not compress.
    sh(f"ip netns exec {lab.name('inet')} sysctl -qw net.ipv4.tcp_timestamps=0")
    names = f"/etc/netns/{lab.name('inet')}"
    site.write(f"{names}/hosts", f"127.0.0.1 localhost\n192.0.2.10 {site.NAME} {site.MEDIA}\n")
    part, parts = map(int, options.part.split("/"))
    try:
        for item in scenarios():
            path = item["path"]
            if not re.search(options.only, path) or re.search(options.skip, path) or item["number"] % parts != part:
                continue
            if options.missing and os.path.exists(f"{OUT}/{path}.pcap.gz" if item["packets"] else f"{OUT}/{path}.log.gz"):
                continue
            raw, begins, ends = record(lab, options.work, item)
            said = [path]
            if item["packets"]:
                packed, count = fitting(*cut(raw), item["packet_bytes"])
                keep(packed, f"{path}.pcap.gz")
                said.append(f"{count} packets, {len(packed)} bytes")
            if item["log"]:
                packed, count = fitting(b"", open(f"{options.work}/access.log", "rb").read().splitlines(keepends=True), item["log_bytes"])
                keep(packed, f"{path}.log.gz")
                said.append(f"{count} lines, {len(packed)} bytes")
            if item["run"]:
                note_times(path, begins, ends)
            print("\t".join(said), flush=True)
    finally:
        lab.down()
        sh(f"rm -rf {names}", check=False)


if __name__ == "__main__":
    main()

"""Records the scenarios of scenarios.toml into data/recorded and writes its MANIFEST.tsv and EXPECTED.tsv.

`record.py [--only REGEX] [--lab NAME] [--work FOLDER]` builds the namespaces, records, and takes everything down again.
`record.py --index` only writes the two tables, from the files that are there.
Two runs with different --lab, --work and --only can go side by side.
"""

import argparse
import gzip
import hashlib
import os
import re
import shlex
import signal
import struct
import subprocess
import time
import tomllib

import web_index
from services import ALWAYS, Services
from topology import Lab, sh

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = f"{ROOT}/data/recorded"
INBOUND = "dst net 192.0.2.0/24 or dst net 2001:db8:1::/48"
ONE_WAY_PACKETS = 1500  # enough to ask whether one direction alone looks like a flood
DEFAULTS = {"before": 4.0, "attack": 5.0, "after": 2.5, "snap": 96, "web": 2.0, "dns": 6.0, "vectors": "none", "target": "", "stage": "network", "set": "train",
            "needs": [], "setup": [], "cleanup": [], "run": [], "check": "", "one_way": False, "why": "", "tool": "", "min_packets": 0, "max_packets": 0}


def scenarios():
    with open(f"{HERE}/scenarios.toml", "rb") as file:
        for number, entry in enumerate(tomllib.load(file)["scenario"]):
            unknown = set(entry) - set(DEFAULTS) - {"path"}
            if unknown:
                raise SystemExit(f"{entry['path']}: unknown keys {unknown}")
            yield DEFAULTS | entry | {"number": number}


def command(lab, work, line):
    """`side: words`; `send` and `hold` stand for this folder's tools, {work} and {here} for the folders."""
    side, _, rest = line.partition(": ")
    words = shlex.split(rest.replace("{work}", work).replace("{here}", HERE).replace("$HREC", HERE))
    if words[0] in ("send", "hold"):
        words = ["python3", f"{HERE}/{words[0]}.py"] + words[1:]
    return lab.inside(side) + words


def end(processes):
    """Interrupts what is still running, then makes sure; only what this run started."""
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
    limit = time.monotonic() + 3
    for process in processes:
        try:
            process.wait(max(0.05, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def record(lab, work, services, item):
    """One recording: ordinary traffic throughout, the scenario's commands in the middle."""
    for name in ALWAYS + tuple(item["needs"]):
        services.need(name)
    for line in item["setup"]:
        subprocess.run(command(lab, work, line), check=True, stdout=subprocess.DEVNULL, timeout=30)
    raw, log = f"{work}/raw.pcap", open(f"{work}/commands.log", "a", encoding="utf-8")
    log.write(f"== {item['path']}\n")
    log.flush()

    def start(words):
        return subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)

    dump = subprocess.Popen(lab.inside("edge") + ["tcpdump", "-i", "out", "-n", "-w", raw, "-s", str(item["snap"]), "-B", "32768", "-Z", "root"],
                            stderr=subprocess.PIPE, text=True, start_new_session=True)
    time.sleep(0.5)
    rates = ["--web", str(item["web"]), "--dns", str(item["dns"]), "--seed", str(item["number"])]
    quiet = [start(lab.inside(side) + ["python3", f"{HERE}/background.py", role] + rates) for side, role in (("inet", "outside"), ("parl", "inside"))]
    time.sleep(item["before"])
    busy = [start(command(lab, work, line)) for line in item["run"]]
    limit = time.monotonic() + item["attack"]
    while time.monotonic() < limit and (item["vectors"] == "none" or any(p.poll() is None for p in busy)):
        time.sleep(0.05)
    end(busy)
    time.sleep(item["after"])
    end(quiet)
    time.sleep(0.2)
    end([dump])
    if item["max_packets"]:
        sh(f"editcap -F pcap -r {raw} {raw}.cut 1-{item['max_packets']} && mv {raw}.cut {raw}")
    lost = re.search(r"(\d+) packets? dropped by kernel", dump.stderr.read())
    for line in item["cleanup"]:
        subprocess.run(command(lab, work, line), check=False, stdout=subprocess.DEVNULL, timeout=30)
    if lost and int(lost.group(1)):
        print(f"  {item['path']}: capture lost {lost.group(1)} packets")
    return raw


def keep(raw, path):
    """Compresses without a time stamp, so that the same capture gives the same file."""
    target = f"{OUT}/{path}"
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(raw, "rb") as source, open(target, "wb") as sink:
        with gzip.GzipFile(filename="", mode="wb", fileobj=sink, mtime=0, compresslevel=9) as packed:
            packed.write(source.read())
    return target


def one_way(path):
    folder, name = os.path.split(path)
    return f"{folder}_one_way/{name}"


def stamps(packed):
    """Times of all records of a little-endian microsecond pcap, as tcpdump writes it here, from the first one on."""
    data, at, times = gzip.decompress(packed), 24, []
    while at + 16 <= len(data):
        seconds, micros, kept = struct.unpack_from("<III", data, at)
        times.append(seconds + micros / 1e6)
        at += 16 + kept
    return [t - times[0] for t in times]


def matching(path, check):
    """Times of the packets that match a tshark display filter; errors that quote a matching packet do not count."""
    if "icmp" not in check:
        check = f"({check}) && !icmp && !icmpv6"
    words = ["tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.time_relative", "-Y", check]
    return [float(t) for t in subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()]


def figures(times):
    """How many packets, the most in one second, and the seconds from the first to the last."""
    peak, low = 0, 0
    for high, at in enumerate(times):
        while at - times[low] >= 1:
            low += 1
        peak = max(peak, high - low + 1)
    return len(times), peak, (times[-1] - times[0]) if times else 0.0


def index(only_web=False):
    """Writes MANIFEST.tsv and EXPECTED.tsv from the scenarios and the files; counts come from tshark, not from the plan."""
    rows, expected, size = [], [], 0
    for item in [] if only_web else scenarios():
        for path in [item["path"]] + ([one_way(item["path"])] if item["one_way"] else []):
            file = f"{OUT}/{path}"
            if not os.path.exists(file):
                print(f"missing {path}")
                continue
            packed = open(file, "rb").read()
            size += len(packed)
            total, peak, span = figures(stamps(packed))
            note = f"{total} packets, at most {peak} in a second"
            if item["check"] and path == item["path"]:
                count, most, lasted = figures(matching(file, item["check"]))
                note += f"; of them {count} match {item['check']} over {lasted:.1f} s, at most {most} in a second"
                if count < item["min_packets"]:
                    print(f"WRONG {path}: {count} matching packets, wanted {item['min_packets']}")
            print(f"{path}\t{note}")
            if item["max_packets"]:
                note += f"; the recording ends after {item['max_packets']} packets"
            if path != item["path"]:
                note += f"; the direction into the parliament only, at most {ONE_WAY_PACKETS} packets"
            rows.append([path, "this repository", "", f"lab/record/scenarios.toml", "Apache-2.0", hashlib.sha256(packed).hexdigest(), str(total), f"{span:.3f}",
                         item["vectors"].split("|")[0], item["target"], f"{item['tool']}; cut to {item['snap']} bytes a packet; {note}", hashlib.sha256(gzip.decompress(packed)).hexdigest()])
            expected.append([path, item["vectors"], item["target"], item["stage"], item["why"] or item["tool"], item["set"]])
    if only_web:
        rows, expected = ([row for row in read(name) if not row[0].startswith("web/")] for name in ("MANIFEST.tsv", "EXPECTED.tsv"))
    for row, answer, bytes_packed in web_index.rows(OUT):
        rows.append(row)
        expected.append(answer)
        size += bytes_packed
    rows.append(web_index.times_row(OUT))
    table("MANIFEST.tsv", "path source_repo commit source_path licence sha256 packets_or_lines duration_s vector_label target notes sha256_unpacked_if_gz", rows)
    table("EXPECTED.tsv", "path expected_vectors target stage why set", expected)
    print(f"{len(rows)} files, {size} bytes")


def read(name):
    with open(f"{OUT}/{name}", encoding="ascii") as file:
        return [line.rstrip("\n").split("\t") for line in file.readlines()[1:]]


def table(name, columns, rows):
    with open(f"{OUT}/{name}", "w", encoding="ascii") as out:
        for row in [columns.split()] + rows:
            out.write("\t".join(row) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="regular expression on the path")
    parser.add_argument("--skip", default="^$", help="regular expression on the path")
    parser.add_argument("--lab", default="hrec")
    parser.add_argument("--work", default="/tmp/hemicycle-record")
    parser.add_argument("--missing", action="store_true", help="only what is not there yet")
    parser.add_argument("--index", action="store_true")
    parser.add_argument("--index-web", action="store_true", help="the rows of web/ only; the others stay as they are")
    options = parser.parse_args()
    if options.index or options.index_web:
        return index(options.index_web)
    os.makedirs(options.work, exist_ok=True)
    lab = Lab(options.lab)
    lab.up()
    services = Services(lab, options.work)
    try:
        for item in scenarios():
            if not re.search(options.only, item["path"]) or re.search(options.skip, item["path"]):
                continue
            if options.missing and os.path.exists(f"{OUT}/{item['path']}"):
                continue
            raw = record(lab, options.work, services, item)
            target = keep(raw, item["path"])
            if item["one_way"]:
                sh(f"tcpdump -n -r {raw} -c {ONE_WAY_PACKETS} -w {raw}.in '{INBOUND}'")
                keep(f"{raw}.in", one_way(item["path"]))
            for name in item["needs"]:
                services.release(name)
            print(f"{item['path']}\t{os.path.getsize(target)} bytes", flush=True)
    finally:
        services.stop()
        lab.down()
    return None


if __name__ == "__main__":
    main()

"""Rows of MANIFEST.tsv and EXPECTED.tsv for the recordings that web/record.py makes."""

import gzip
import hashlib
import os
import re
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
HOST = "www.parliament.example"


def scenarios():
    with open(f"{HERE}/web/scenarios.toml", "rb") as file:
        return [({"vectors": "none", "packet_vectors": "", "target": "192.0.2.10", "set": "train", "why": "", "tool": "", "log": True, "packets": True, "lines": "", "min_lines": 0,
                  "check": "", "min_packets": 0, "site": {}} | entry) for entry in tomllib.load(file)["scenario"]]


def times(folder):
    """When each flood was on, in seconds since 1970."""
    with open(f"{folder}/web/TIMES.tsv", encoding="ascii") as file:
        return {row[0]: (float(row[1]), float(row[2])) for row in (line.split("\t") for line in file.readlines()[1:])}


def times_row(folder):
    """The row of MANIFEST.tsv for the table of times."""
    content = open(f"{folder}/web/TIMES.tsv", "rb").read()
    return ["web/TIMES.tsv", "this repository", "", "lab/record/web/record.py", "Apache-2.0", hashlib.sha256(content).hexdigest(), f"{content.count(10)} lines", "", "", "",
            "when each flood was on, in seconds since 1970", ""]


def of_packets(item, path, content):
    from record import figures, matching, stamps
    total, peak, span = figures(stamps(gzip.compress(content)))
    note = f"cut to the heads of requests and handshakes; {total} packets, at most {peak} in a second"
    if item["check"]:
        count, _, lasted = figures(matching(path, item["check"]))
        note += f"; of them {count} match {item['check']} over {lasted:.1f} s"
        if count < item["min_packets"]:
            print(f"WRONG {path}: {count} matching packets, wanted {item['min_packets']}")
    return total, span, int.from_bytes(content[24:28], "little") + int.from_bytes(content[28:32], "little") / 1e6, note


def of_log(item, path, content):
    lines = content.decode("utf-8", "replace").splitlines()
    seconds = [float(re.search(r'msec"?[=:]([0-9.]+)', line).group(1)) for line in lines]
    clients = {re.match(r'\{.*"remote_addr":"([^"]*)"|(\S+)', line).group(1) or line.split()[0] for line in lines}
    note = f"{len(lines)} lines, {len(clients)} clients" + (", JSON" if item["site"].get("json") else "")
    if item["lines"]:
        count = sum(1 for line in lines if re.search(item["lines"], line))
        note += f"; {count} of the flood match {item['lines']}"
        if count < item["min_lines"]:
            print(f"WRONG {path}: {count} matching lines, wanted {item['min_lines']}")
    return len(lines), seconds[-1] - seconds[0], seconds[0], note


def rows(folder):
    """(row of MANIFEST.tsv, row of EXPECTED.tsv, bytes of the file) for every file that is there."""
    when = times(folder)
    for item in scenarios():
        for wanted, kind, count in ((item["packets"], "pcap", of_packets), (item["log"], "log", of_log)):
            path = f"web/{item['path']}.{kind}.gz"
            file = f"{folder}/{path}"
            if not wanted:
                continue
            if not os.path.exists(file):
                print(f"missing {path}")
                continue
            packed = open(file, "rb").read()
            content = gzip.decompress(packed)
            total, span, first, note = count(item, file, content)
            vectors = item["packet_vectors"] if kind == "pcap" and item["packet_vectors"] else item["vectors"]
            target = "" if item["vectors"] == "none" else item["target"] if kind == "pcap" else HOST
            on = when.get(f"web/{item['path']}")
            if on and item["vectors"] != "none":
                ends = "on when it ends" if first + span < on[1] - 1 else f"off at {on[1] - first:.1f} s"
                note += f"; the flood begins at {on[0] - first:.1f} s and is {ends}"
            print(f"{path}\t{note}")
            yield ([path, "this repository", "", "lab/record/web/scenarios.toml", "Apache-2.0", hashlib.sha256(packed).hexdigest(), str(total), f"{span:.3f}", vectors.split("|")[0], target,
                    f"{item['tool']}; {note}", hashlib.sha256(content).hexdigest()],
                   [path, vectors, target, "behaviour", item["why"] or item["tool"], item["set"]], len(packed))

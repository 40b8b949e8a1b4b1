"""Whoever sends floods sends them inside a network namespace of the lab, and nowhere else.

`namespace.json` has the names of all devices that there may be: loopback, the lab's veth and tun devices, and those that the kernel puts into every
namespace. `programs.mjs` reads the same file.
"""

import json
import os
import pathlib

KNOWN = pathlib.Path(__file__).with_name("namespace.json")


def require():
    """Ends the program where there is another device: that is a machine."""
    known = json.loads(KNOWN.read_text())
    strange = [name for name in os.listdir("/sys/class/net") if name not in known]
    if strange:
        raise SystemExit(f"not a namespace of the lab: {strange}")

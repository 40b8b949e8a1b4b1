"""Five network namespaces: two ends, a core router, reflectors, and the parliament's edge.

    inet  --+                       inet: clients and attackers, 198.18.0.0/16, 203.0.113.0/26
            core -- edge -- parl    refl: services that answer to forged sources, 198.19.0.0/16
    refl  --+                       parl: 192.0.2.0/24 and 2001:db8:1::/48

Nothing here has a way to a real interface: the namespaces hold veth pairs and loopback only, and the core throws away
what it has no route for. All addresses come from the documentation and benchmark ranges (RFC 5737, 3849, 2544).
Captures are taken in `edge` on the interface `out`, where a parliament would have its mirror port.
"""

import subprocess

SIDES = ("inet", "refl", "edge", "parl")

# Link-local hops between the namespaces; RFC 1918 space that never appears as an end point of recorded traffic.
LINKS = {
    "inet": ("10.255.1", "fd00:255:1"),
    "refl": ("10.255.2", "fd00:255:2"),
    "edge": ("203.0.113", "2001:db8:ffff:e"),
    "parl": ("10.255.4", "fd00:255:4"),
}

OWN_V4, OWN_V6 = "192.0.2.0/24", "2001:db8:1::/48"
INET_V4, INET_V6 = ("198.18.0.0/16", "203.0.113.0/26"), "2001:db8:ffff::/49"
REFL_V4, REFL_V6 = "198.19.0.0/16", "2001:db8:ffff:8000::/49"

# Addresses that daemons bind by name; the rest of each prefix is local through an AnyIP route.
BOUND = {
    "parl": ["192.0.2.%d" % n for n in (10, 20, 22, 25, 40, 53, 129, 140)]
    + ["2001:db8:1::10", "2001:db8:1::53", "2001:db8:1::140"],
    "inet": ["198.18.0.1", "203.0.113.53", "203.0.113.40", "203.0.113.80", "2001:db8:ffff::1", "2001:db8:ffff::53"],
    "refl": ["198.19.%d.%d" % (n // 40, 10 + 5 * (n % 40)) for n in range(160)] + ["2001:db8:ffff:8000::%x" % n for n in range(1, 41)],
}

SYSCTLS = (
    "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
    "net.ipv6.conf.all.forwarding=1", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
    "net.ipv6.conf.default.accept_ra=0", "net.ipv4.conf.all.accept_local=1", "net.ipv6.ip_nonlocal_bind=1",
    "net.ipv4.ip_nonlocal_bind=1", "net.ipv4.tcp_synack_retries=2", "net.ipv4.ip_local_port_range=20000 65000",
)


def sh(command, check=True):
    """Runs one command line; its output only shows when it fails."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    if check and done.returncode:
        raise SystemExit(f"{command}\n{done.stderr}")
    return done.stdout


class Lab:
    """One set of namespaces; `prefix` keeps sets that run side by side apart."""

    def __init__(self, prefix):
        self.prefix = prefix

    def name(self, side):
        return f"{self.prefix}-{side}"

    def inside(self, side):
        """The words that make a command run in one namespace."""
        return ["ip", "netns", "exec", self.name(side)]

    def ip(self, side, args):
        sh(f"ip -n {self.name(side)} {args}")

    def up(self):
        self.down()
        for side in ("core",) + SIDES:
            sh(f"ip netns add {self.name(side)}")
            for item in SYSCTLS:
                sh(f"ip netns exec {self.name(side)} sysctl -qw '{item}'", check=False)
            self.ip(side, "link set lo up")
        for number, side in enumerate(SIDES, 1):
            self.link(number, side, "edge" if side == "parl" else "core")
        self.routes()
        for side, addresses in BOUND.items():
            for address in addresses:
                self.ip(side, f"addr add {address}/{128 if ':' in address else 32} dev lo")
        for side in ("inet", "parl"):
            self.ip(side, "route replace default via %s.1 src %s" % (LINKS[side][0], {"inet": "198.18.0.1", "parl": "192.0.2.129"}[side]))
            self.ip(side, "-6 route replace default via %s::1 src %s" % (LINKS[side][1], {"inet": "2001:db8:ffff::1", "parl": "2001:db8:1::140"}[side]))

    def link(self, number, side, towards):
        """A veth pair; segmentation offload is off so that captures show packets as they are on a wire."""
        near, far, v4, v6 = "out", f"to-{side}", *LINKS[side]
        host = {"edge": (253, 254)}.get(side, (1, 2))
        sh(f"ip link add {near} netns {self.name(side)} address 02:00:00:00:0{number}:02 type veth "
           f"peer name {far} netns {self.name(towards)} address 02:00:00:00:0{number}:01")
        for where, device, low in ((towards, far, 1), (side, near, 2)):
            self.ip(where, f"addr add {v4}.{host[low - 1]}/30 dev {device}")
            self.ip(where, f"addr add {v6}::{low}/64 dev {device} nodad")
            self.ip(where, f"link set {device} up txqueuelen 10000")
            sh(f"ip netns exec {self.name(where)} ethtool -K {device} tso off gso off gro off tx off rx off", check=False)

    def routes(self):
        for side, v4, v6 in (("inet", INET_V4, INET_V6), ("refl", (REFL_V4,), REFL_V6), ("parl", (OWN_V4,), OWN_V6)):
            for prefix in v4:
                self.ip(side, f"route add local {prefix} dev lo")
            self.ip(side, f"-6 route add local {v6} dev lo")
            hop = "edge" if side == "parl" else side
            for prefix in v4:
                self.ip("core", f"route add {prefix} via {LINKS[hop][0]}.{254 if hop == 'edge' else 2}")
            self.ip("core", f"-6 route add {v6} via {LINKS[hop][1]}::2")
        for side in ("inet", "refl", "edge", "parl"):
            self.ip(side, f"route add default via {LINKS[side][0]}.{253 if side == 'edge' else 1}")
            self.ip(side, f"-6 route add default via {LINKS[side][1]}::1")
        self.ip("edge", f"route add {OWN_V4} via {LINKS['parl'][0]}.2")
        self.ip("edge", f"-6 route add {OWN_V6} via {LINKS['parl'][1]}::2")
        # An internet that knows no other destination: what is sent to forged sources ends here.
        self.ip("core", "route add blackhole default")
        self.ip("core", "-6 route add blackhole default")

    def down(self):
        for side in ("core",) + SIDES:
            sh(f"ip netns del {self.name(side)}", check=False)

"""The daemons of the lab: which program, in which namespace, with which configuration."""

import os
import random
import subprocess
import time

from topology import BOUND, sh

HERE = os.path.dirname(os.path.abspath(__file__))


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as out:
        out.write(text)
    return path


def nginx(lab, work, side, extra=""):
    root = f"{work}/{side}/www"
    rng = random.Random(5)
    for page in range(24):
        write(f"{root}/page{page}.html", "item of the agenda\n" * rng.choice((50, 200, 500, 1000, 2300)))
    write(f"{root}/index.html", "<h1>Parliament of Examplia</h1>" + "agenda " * 700)
    if not os.path.exists(f"{root}/large.bin"):
        with open(f"{root}/large.bin", "wb") as out:
            out.truncate(64 << 20)
    key = f"{work}/{side}/tls"
    sh(f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=www.parliament.example -keyout {key}.key -out {key}.crt")
    conf = write(f"{work}/{side}/nginx.conf", f"""
daemon off; worker_processes 1; pid {work}/{side}/nginx.pid; error_log {work}/{side}/nginx.err crit; user root;
worker_rlimit_nofile 20000;
events {{ worker_connections 9000; }}
http {{ access_log off; keepalive_requests 10000; client_body_temp_path {work}/{side}/b; proxy_temp_path {work}/{side}/p; fastcgi_temp_path {work}/{side}/f; uwsgi_temp_path {work}/{side}/u; scgi_temp_path {work}/{side}/s;
server {{ listen 80 backlog=4096; listen [::]:80 backlog=4096; listen 443 ssl; listen [::]:443 ssl; ssl_certificate {key}.crt; ssl_certificate_key {key}.key; root {root}; {extra} }} }}
""")
    return ["nginx", "-c", conf, "-p", f"{work}/{side}/"]


def named(lab, work, side):
    """One zone file for all: ordinary names, a wildcard, and records of 1.2 and 2.9 kB as amplifiers like them."""
    text = "".join(f'{n} TXT {" ".join(chr(34) + "v=spf1 include:mail%d.example " % k + "x" * 200 + chr(34) for k in range(count))}\n' for n, count in (("medium", 5), ("large", 12)))
    zone = write(f"{work}/{side}/zone.db", f"""$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
ns A 203.0.113.53
www A 192.0.2.10
www AAAA 2001:db8:1::10
mail A 192.0.2.25
@ MX 10 mail
* A 203.0.113.80
{text}""")
    if side == "parl":
        zone_text = open(zone, encoding="ascii").read().replace("* A 203.0.113.80\n", "")
        write(zone, zone_text)
    listen = "any" if side == "refl" else "192.0.2.53; 192.0.2.10" if side == "parl" else "203.0.113.53"
    listen6 = "any" if side == "refl" else "2001:db8:1::53" if side == "parl" else "2001:db8:ffff::53"
    zones = {"parl": ("parliament.example",), "inet": ("example", "test", "."), "refl": ("open.test",)}[side]
    conf = write(f"{work}/{side}/named.conf", f"""
options {{ directory "{work}/{side}"; pid-file none; session-keyfile "{work}/{side}/s.key"; listen-on {{ {listen}; }}; listen-on-v6 {{ {listen6}; }};
 recursion no; max-udp-size 4096; edns-udp-size 4096; notify no; dnssec-validation no; minimal-responses no; allow-query {{ any; }}; }};
controls {{ }};
""" + "\n".join(f'zone "{z}" {{ type primary; file "{zone}"; }};' for z in zones))
    return ["named", "-f", "-n", "1", "-U", "1", "-c", conf]


def unbound(lab, work, side):
    conf = write(f"{work}/{side}/unbound.conf", f"""
server: 
 interface: 192.0.2.140
 outgoing-interface: 192.0.2.140
 access-control: 0.0.0.0/0 allow
 do-daemonize: no
 username: ""
 chroot: ""
 directory: "{work}/{side}"
 pidfile: "{work}/{side}/unbound.pid"
 use-syslog: no
 logfile: "{work}/{side}/unbound.log"
 module-config: "iterator"
 do-not-query-localhost: no
stub-zone: 
 name: "."
 stub-addr: 203.0.113.53
remote-control: 
 control-enable: no
""")
    return ["unbound", "-d", "-c", conf]


def ntpd(lab, work, side):
    """Serves time as an orphan and answers mode 6 to anybody; without CAP_SYS_TIME, so the machine's clock is not touched."""
    conf = write(f"{work}/{side}/ntp.conf", "unrestrict default noquery limited kod\nrefclock local stratum 3\ndisable ntp\n")
    return ["setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time", "ntpd", "-n", "-c", conf, "-g"]


def memcached(lab, work, side):
    addresses = ",".join(a for a in BOUND["refl"][:40] if ":" not in a)
    return ["memcached", "-u", "root", "-m", "16", "-t", "1", "-U", "11211", "-p", "11211", "-l", addresses]


def snmpd(lab, work, side):
    conf = write(f"{work}/{side}/snmpd.conf", "rocommunity public\nsysLocation cellar\nsysContact it@office.example\n")
    return ["snmpd", "-f", "-Lf", "/dev/null", "-C", "-c", conf, "-I", "-smux", "-p", f"{work}/{side}/snmpd.pid", "udp:161"]


def tftpd(lab, work, side):
    os.makedirs(f"{work}/{side}/tftp", exist_ok=True)
    with open(f"{work}/{side}/tftp/file.bin", "wb") as out:
        out.write(random.Random(3).randbytes(60000))
    return ["in.tftpd", "-L", "-4", "-u", "root", "-a", "0.0.0.0:69", "-s", f"{work}/{side}/tftp"]


def xinetd(lab, work, side):
    """The real chargen of xinetd on sixty addresses, one service entry for each because it answers from what it bound."""
    entries = "".join(f"service chargen\n{{\n id = c{n}\n type = INTERNAL\n bind = {a}\n socket_type = dgram\n protocol = udp\n wait = yes\n user = root\n}}\n"
                      for n, a in enumerate(x for x in BOUND["refl"][:60] if ":" not in x))
    conf = write(f"{work}/{side}/xinetd.conf", "defaults\n{\n cps = 100000 1\n instances = UNLIMITED\n}\n" + entries)
    return ["xinetd", "-dontfork", "-f", conf, "-pidfile", f"{work}/{side}/xinetd.pid"]


def sshd(lab, work, side):
    key = f"{work}/{side}/ssh"
    if not os.path.exists(key + "_host"):
        sh(f"mkdir -p {work}/{side} /run/sshd && ssh-keygen -q -t ed25519 -N '' -f {key}_host && ssh-keygen -q -t ed25519 -N '' -f {key}_user")
    write(f"{key}.auth", open(key + "_user.pub", encoding="ascii").read())
    conf = write(f"{key}.conf", f"HostKey {key}_host\nAuthorizedKeysFile {key}.auth\nStrictModes no\nPidFile none\nListenAddress 192.0.2.22\nPermitRootLogin yes\nUsePAM no\nMaxStartups 100\nSubsystem sftp internal-sftp\n")
    return ["/usr/sbin/sshd", "-D", "-f", conf]


def smtpd(lab, work, side):
    return ["python3", "-W", "ignore", "-c", "import asyncore,smtpd\nclass S(smtpd.SMTPServer):\n def process_message(self,*a,**k): pass\nS(('192.0.2.25',25),None)\nasyncore.loop()"]


def openvpn(lab, work, side):
    key = f"{work}/vpn.key"
    if not os.path.exists(key):
        sh(f"openvpn --genkey secret {key}")
    ends = {"parl": ["--local", "192.0.2.20", "--ifconfig", "10.9.0.1", "10.9.0.2"],
            "inet": ["--remote", "192.0.2.20", "--local", "198.18.7.7", "--ifconfig", "10.9.0.2", "10.9.0.1"]}[side]
    return ["openvpn", "--dev", "tunv", "--dev-type", "tun", "--proto", "udp", "--port", "1194", "--secret", key, "--cipher", "AES-256-CBC", "--ping", "10", "--verb", "1"] + ends


def reflector(*styles):
    return lambda lab, work, side: ["python3", f"{HERE}/reflector.py", *styles]


SERVICES = {
    "parl-nginx": ("parl", nginx), "parl-named": ("parl", named), "parl-unbound": ("parl", unbound), "parl-sshd": ("parl", sshd), "parl-smtpd": ("parl", smtpd),
    "inet-nginx": ("inet", nginx), "inet-named": ("inet", named), "inet-ntpd": ("inet", ntpd),
    "refl-nginx": ("refl", nginx), "refl-named": ("refl", named), "refl-ntpd": ("refl", ntpd), "refl-memcached": ("refl", memcached), "refl-snmpd": ("refl", snmpd),
    "refl-tftpd": ("refl", tftpd), "refl-rpcbind": ("refl", lambda *_: ["rpcbind", "-f", "-w"]), "refl-xinetd": ("refl", xinetd),
    "parl-iperf3": ("parl", lambda *_: ["iperf3", "-s", "-B", "192.0.2.40"]),
    "parl-openvpn": ("parl", openvpn), "inet-openvpn": ("inet", openvpn),
}
ALWAYS = ("parl-nginx", "parl-named", "parl-unbound", "parl-sshd", "parl-smtpd", "inet-nginx", "inet-named", "inet-ntpd")


class Services:
    """Starts what a scenario needs, once, and ends exactly what it started."""

    def __init__(self, lab, work):
        self.lab, self.work, self.running = lab, work, {}

    def need(self, name):
        if name in self.running:
            return
        if name.startswith("script:"):
            side, build = "refl", reflector(*name.split(":")[1].split(","))
        else:
            side, build = SERVICES[name]
        command = self.lab.inside(side) + build(self.lab, self.work, side)
        log = open(f"{self.work}/{name.replace(':', '-')}.log", "w", encoding="utf-8")
        self.running[name] = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        time.sleep(1.0)
        if self.running[name].poll() is not None:
            raise SystemExit(f"{name} ended at once: " + open(log.name, encoding="utf-8").read()[-800:])

    def release(self, name):
        process = self.running.pop(name, None)
        if process:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()

    def stop(self):
        for name in list(self.running):
            self.release(name)

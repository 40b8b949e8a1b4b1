#!/bin/bash
# Runs inside a fresh Debian (xtask/src/package/trial.rs): installs, starts, floods, upgrades, removes, purges. Writes a line
# for each thing that it saw; what is missing is judged outside.
set -u
cd /trial || exit 1
exec 2>>/trial/log
set -x
seen() { echo "$1" >>/trial/seen; }
waits() { # waits SECONDS COMMAND...
    local left=$(($1 * 10)); shift
    until "$@"; do
        left=$((left - 1)); [ "$left" -gt 0 ] || return 1
        sleep 0.1
    done
}

# Datagrams of NetFlow v5: thirty records of fifty SYN each, from sources that change, to the example's web server.
number() { printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)); }
flood() {
    local sequence=0 uptime=100000 records source
    while :; do
        records=
        for source in {1..30}; do
            records+="$(number $((0xc6120000 + RANDOM)))\xc0\x00\x02\x0a\x00\x00\x00\x00\x00\x03\x00\x01"
            records+="$(number 50)$(number 2000)$(number $((uptime - 50)))$(number $uptime)"
            records+="\x$(printf %02x $((RANDOM & 255)))\x39\x01\xbb\x00\x02\x06\x00\x00\x00\x00\x00\x20\x18\x00\x00"
        done
        # One write for one datagram: the shell would write at every byte that is a line feed.
        printf "\x00\x05\x00\x1e$(number $uptime)$(number "$(date +%s)")$(number 0)$(number $sequence)\x00\x00\x00\x00$records" |
            dd bs=2000 iflag=fullblock status=none >/dev/udp/127.0.0.1/2055
        sequence=$((sequence + 30)); uptime=$((uptime + 50))
        sleep 0.02
    done
}
# A flood of the example's web server that this run of the service told of.
told() { journalctl -u hemicycle -o cat --since "@$1" | grep -q '"kind":"flood".*"phase":"start".*syn_flood'; }

package=$(ls hemicycle_*.deb | grep -v upgrade)
apt-get install -y "./$package" && [ -x /usr/bin/hemicycle ] && seen "installed"
systemctl start hemicycle
systemctl is-active --quiet hemicycle || seen "waits for the institution file"
# Again and on, by the words of the page; the example's exporter is this machine.
bash -e page.sh && seen "the words of the page went well"
systemctl stop hemicycle
sed -i '/^\[exporter\.edge-1\]/,/^\[/ s/^address = .*/address = "127.0.0.1"/' /etc/hemicycle/institution.toml
sed -i '/^\[exporter\.edge-1\]/,/^\[/ { /^interfaces/d; /^sampling/d }' /etc/hemicycle/institution.toml
begin=$(date +%s%N)
systemctl start hemicycle
[ $((($(date +%s%N) - begin) / 1000000)) -lt 2000 ] && seen "ready under 2 s"
systemctl is-active --quiet hemicycle && seen "active"
process=$(systemctl show -p MainPID --value hemicycle)
[ "$(stat -c %U "/proc/$process")" = hemicycle ] && seen "runs as hemicycle"
# CAP_NET_BIND_SERVICE 10, CAP_NET_ADMIN 12, CAP_NET_RAW 13.
grep -q '^CapEff:.*0000000000003400$' "/proc/$process/status" && seen "no root and no more rights than named"

since=$(date +%s)
flood &
flooder=$!
waits 60 told "$since" && seen "flood before the upgrade"
apt-get install -y ./newer.deb && dpkg -s hemicycle | grep -q 'Version: .*upgrade' && seen "upgraded"
systemctl is-active --quiet hemicycle && [ "$(systemctl show -p MainPID --value hemicycle)" != "$process" ] &&
    seen "active after the upgrade"
since=$(date +%s)
waits 60 told "$since" && seen "flood after the upgrade"
kill "$flooder"

apt-get remove -y hemicycle && ! systemctl is-active --quiet hemicycle && ! command -v hemicycle && seen "removed"
[ -f /etc/hemicycle/hemicycle.toml ] && [ -f /var/lib/hemicycle/key ] && seen "configuration stays"
apt-get purge -y hemicycle && [ ! -e /var/lib/hemicycle ] && [ ! -e /etc/hemicycle/hemicycle.toml ] && seen "purged"
journalctl -u hemicycle -o cat >/trial/journal
exit 0

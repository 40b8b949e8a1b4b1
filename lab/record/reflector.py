"""Answers to UDP requests the way exposed services do, where no free daemon on Debian still does it.

`reflector.py STYLE...` binds the style's port on every address of the namespace and answers from the address that was
asked. The answers are written after the protocols' specifications; CLDAP's form follows the real answer in
data/captures/attacks/payload_samples. Used for: NTP monlist (removed from NTPsec), SSDP, CLDAP, chargen, quote of the day,
NetBIOS name service, WS-Discovery, CoAP, Apple remote desktop, SIP, MS SQL resolution, Source engine, and a made-up service on an unusual port.
"""

import random
import selectors
import socket
import struct
import sys

IP_PKTINFO = 8
rng = random.Random(7)


def monlist(_):
    """Ten mode 7 answers of six 72-byte entries, as ntpd 4.2.6 sends them."""
    for sequence in range(10):
        entries = b"".join(struct.pack("!IIII", 3000 + n, 10, 2, 0) + rng.randbytes(4) + b"\xc6\x13\0\x01" + b"\0\0\0\1" + b"\0\x7b\x03\x04" + b"\0" * 40 for n in range(6))
        yield struct.pack("!BBBBHH", 0x97 | (0x40 if sequence < 9 else 0), sequence, 3, 42, 6, 72) + entries


def ssdp(_):
    for kind in ("upnp:rootdevice", "urn:schemas-upnp-org:device:InternetGatewayDevice:1", "urn:schemas-upnp-org:service:WANIPConnection:1"):
        yield (f"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: {kind}\r\nUSN: uuid:{rng.getrandbits(64):016x}::{kind}\r\nEXT:\r\n"
               "SERVER: Linux/2.6 UPnP/1.0 MiniUPnPd/1.4\r\nLOCATION: http://192.168.1.1:5431/rootDesc.xml\r\n\r\n").encode()


def ber(tag, body):
    return bytes([tag, 0x84]) + struct.pack("!I", len(body)) + body


def cldap(_):
    """A rootDSE search entry and the search's end, in the long length form that Windows uses."""
    names = ("currentTime", "subschemaSubentry", "dsServiceName", "namingContexts", "defaultNamingContext", "supportedControl", "supportedLDAPPolicies", "dnsHostName")
    values = b"".join(ber(0x30, ber(4, n.encode()) + ber(0x31, b"".join(ber(4, b"CN=Configuration,DC=office,DC=example,1.2.840.113556.1.4.%d" % k) for k in range(2)))) for n in names)
    yield ber(0x30, b"\x02\x01\x01" + ber(0x64, b"\x04\x00" + ber(0x30, values))) + ber(0x30, b"\x02\x01\x01" + ber(0x65, b"\x0a\x01\x00\x04\x00\x04\x00"))


def chargen(_):
    line = bytes(range(33, 127))
    yield b"".join((line * 2)[k % 94:k % 94 + 72] + b"\r\n" for k in range(rng.randint(4, 13)))


def qotd(_):
    yield b'"My spelling is wobbly. It\'s good spelling but it wobbles, and the letters get in the wrong places."\r\n A. A. Milne\r\n' * 3


def netbios(request):
    names = b"".join(b"%-15s" % n + b"\0\x04\0" for n in (b"OFFICE-PC", b"WORKGROUP", b"OFFICE-PC", b"WORKGROUP"))
    yield request[:2] + b"\x84\0\0\0\0\1\0\0\0\0 CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0!\0\1\0\0\0\0" + struct.pack("!HB", len(names) + 47, 4) + names + rng.randbytes(6) + b"\0" * 40


def ws_discovery(_):
    yield (b'<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" xmlns:wsdd="http://schemas.xmlsoap.org/ws/2005/04/discovery">'
           b"<SOAP-ENV:Body><SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:Sender</SOAP-ENV:Value></SOAP-ENV:Code><SOAP-ENV:Reason>"
           b"<SOAP-ENV:Text>Validation constraint violation: SOAP message expected</SOAP-ENV:Text></SOAP-ENV:Reason></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>") * 2


def coap(request):
    yield b"\x60\x45" + request[2:4] + b"\xc1\x28\xff" + b'</sensors/temp>;rt="temperature";if="sensor",' * 12


def arms(_):
    yield b"\0\x01\x03\xea" + b"\0\x01" + b"\0" * 1000


def sip(_):
    yield (b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;received=192.0.2.1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=as2\r\nCall-ID: 1\r\n"
           b"CSeq: 1 OPTIONS\r\nServer: Asterisk PBX 13\r\nAllow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PUBLISH, MESSAGE\r\nContent-Length: 0\r\n\r\n")


def mssql(_):
    body = b"ServerName;DB01;InstanceName;MSSQLSERVER;IsClustered;No;Version;11.0.2100.60;tcp;1433;;" * 4
    yield b"\x05" + struct.pack("<H", len(body)) + body


def source_engine(_):
    yield b"\xff\xff\xff\xffI\x11Example server\0de_dust2\0cstrike\0Counter-Strike\0\xf0\0\x05\x20\0dl\0\x01v15\0"


def unusual(_):
    yield b'{"device":"recorder","channels":[' + b'{"id":1,"name":"camera","codec":"h264","state":"on"},' * 12 + b'{"id":0}],"version":"2.1"}'


STYLES = {
    "monlist": (123, monlist), "ssdp": (1900, ssdp), "ssdp_high": (32773, ssdp), "cldap": (389, cldap), "chargen": (19, chargen), "qotd": (17, qotd),
    "netbios": (137, netbios), "ws_discovery": (3702, ws_discovery), "coap": (5683, coap), "arms": (3283, arms), "sip": (5060, sip),
    "mssql": (1434, mssql), "source_engine": (27015, source_engine), "unusual": (20811, unusual),
}


def serve(link, answer):
    """Takes a batch of requests; an answer leaves from the address that was asked, as real services do."""
    for _ in range(64):
        try:
            request, ancillary, _, peer = link.recvmsg(2048, 128)
        except BlockingIOError:
            return
        asked = ancillary[0][2][8:12]
        for body in answer(request + b"\0" * 4):
            try:
                link.sendmsg([body], [(socket.IPPROTO_IP, IP_PKTINFO, struct.pack("=i4s4s", 0, asked, b"\0" * 4))], 0, peer)
            except OSError:
                pass


def main():
    poll = selectors.DefaultSelector()
    for style in sys.argv[1:]:
        port, answer = STYLES[style]
        link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        link.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        link.bind(("0.0.0.0", port))
        link.setblocking(False)
        poll.register(link, selectors.EVENT_READ, answer)
    while True:
        for key, _ in poll.select():
            serve(key.fileobj, key.data)


if __name__ == "__main__":
    main()

"""The web site of the web recordings: nginx with TLS, HTTP/2 and a cache in front of a small application.

nginx logs as `FORMAT` (or `JSON_FORMAT`) says. The application stands behind it with few workers, as such applications do, so that a
flood makes answers slow (upstream_time) and in the end 502, 503 or 504, and readers go away (499).
`website.py app PORT` is that application; `website.py quic CERTIFICATE KEY` an HTTP/3 server on UDP port 443 (nginx 1.22 has no QUIC).
"""

import asyncio
import os
import random
import subprocess
import sys

NAME = "www.parliament.example"
MEDIA = "media.parliament.example"
FORMAT = ('$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" '
          'msec=$msec host=$host scheme=$scheme request_length=$request_length bytes_sent=$bytes_sent request_time=$request_time '
          'tls=$ssl_protocol cipher=$ssl_cipher cache=$upstream_cache_status upstream_time=$upstream_response_time '
          'connection=$connection requests=$connection_requests completed=$request_completion')
JSON_FORMAT = ('{"time":"$time_iso8601","msec":$msec,"remote_addr":"$remote_addr","host":"$host","scheme":"$scheme","request_method":"$request_method",'
               '"request_uri":"$request_uri","server_protocol":"$server_protocol","status":$status,"request_length":$request_length,'
               '"bytes_sent":$bytes_sent,"body_bytes_sent":$body_bytes_sent,"request_time":$request_time,"http_referer":"$http_referer",'
               '"http_user_agent":"$http_user_agent","ssl_protocol":"$ssl_protocol","upstream_cache_status":"$upstream_cache_status",'
               '"upstream_response_time":"$upstream_response_time","connection":$connection,"connection_requests":$connection_requests}')

ASSETS = ["/assets/site.css", "/assets/app.js", "/assets/logo.svg", "/assets/font.woff2"] + [f"/assets/photo{n}.jpg" for n in range(16)]
WORDS = ("agenda vote committee minister budget energy housing farmer border climate school hospital pension railway amendment plenary "
         "hearing petition election results member party speaker report protocol fisheries defence digital privacy water forest tax").split()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as out:
        out.write(text)
    return path


def files(root):
    """Assets of the sizes that small sites have; random bytes where a picture or a font would not compress."""
    rng = random.Random(11)
    write(f"{root}/assets/site.css", "body { margin: 0; font: 16px sans-serif } .agenda { color: #123 }\n" * 90)
    write(f"{root}/assets/app.js", "document.querySelectorAll('.agenda').forEach(item => item.hidden = false);\n" * 110)
    write(f"{root}/assets/logo.svg", "<svg xmlns='http://www.w3.org/2000/svg'><path d='M0 0h9v9z'/></svg>\n" * 14)
    for name, size in [("font.woff2", 9000)] + [(f"photo{n}.jpg", rng.choice((1500, 3000, 5000, 9000))) for n in range(16)]:
        with open(f"{root}/assets/{name}", "wb") as out:
            out.write(rng.randbytes(size))
    for number, size in enumerate((300_000, 800_000, 2_500_000)):
        os.makedirs(f"{root}/documents", exist_ok=True)
        with open(f"{root}/documents/report{number}.pdf", "wb") as out:
            out.write(rng.randbytes(size))
    write(f"{root}/robots.txt", "User-agent: *\nCrawl-delay: 1\n")
    write(f"{root}/favicon.ico", "icon" * 60)


def nginx(work, options):
    """Its configuration, as a command. Options: `json`, `header_timeout`, `body_timeout`, `connections`."""
    root, run = f"{work}/site", f"{work}/nginx"
    files(root)
    for folder in ("b", "p", "f", "u", "s"):
        os.makedirs(f"{run}/{folder}", exist_ok=True)
    key = f"{work}/tls"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "9", "-subj", f"/CN={NAME}",
                    "-addext", f"subjectAltName=DNS:{NAME},DNS:{MEDIA}", "-keyout", f"{key}.key", "-out", f"{key}.crt"], check=True, capture_output=True)
    style = f"escape=json '{JSON_FORMAT}'" if options.get("json") else f"'{FORMAT}'"
    common = f"""root {root}; client_header_timeout {options.get('header_timeout', 20)}s; client_body_timeout {options.get('body_timeout', 20)}s;
 location /assets/ {{ expires 1h; }}
 location /documents/ {{ }}
 location = /robots.txt {{ }}
 location = /favicon.ico {{ }}
 location / {{ proxy_pass http://127.0.0.1:8080; proxy_set_header Host $host; proxy_connect_timeout 2s; proxy_read_timeout 6s;
  proxy_cache site; proxy_cache_valid 200 20s; proxy_cache_lock on; }}
 location = /search {{ proxy_pass http://127.0.0.1:8080; proxy_set_header Host $host; proxy_read_timeout 6s; proxy_cache site; proxy_cache_valid 200 20s; }}
 location ~ ^/(login|api/login|contact)$ {{ proxy_pass http://127.0.0.1:8080; proxy_set_header Host $host; proxy_read_timeout 6s; }}"""
    tls = f"ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {key}.crt; ssl_certificate_key {key}.key; ssl_session_cache shared:t:2m;"
    conf = write(f"{work}/nginx.conf", f"""
daemon off; worker_processes 1; pid {run}/pid; error_log {run}/err crit; user root; worker_rlimit_nofile 20000;
events {{ worker_connections {options.get('connections', 8000)}; }}
http {{ log_format web {style}; access_log {work}/access.log web; keepalive_timeout 65s; if_modified_since before; gzip on; gzip_types text/css application/javascript image/svg+xml application/json;
types {{ text/html html; text/css css; application/javascript js; image/svg+xml svg; image/jpeg jpg; font/woff2 woff2; application/pdf pdf; }} default_type text/html;
client_body_temp_path {run}/b; proxy_temp_path {run}/p; fastcgi_temp_path {run}/f; uwsgi_temp_path {run}/u; scgi_temp_path {run}/s;
proxy_cache_path {work}/cache keys_zone=site:4m max_size=40m inactive=5m; proxy_cache_key $host$request_uri; http2_max_concurrent_streams 128;
server {{ listen 80 default_server backlog=4096; listen [::]:80 default_server backlog=4096; listen 443 ssl http2 default_server backlog=4096;
 listen [::]:443 ssl http2 default_server backlog=4096; server_name {NAME}; {tls}
 {common} }}
server {{ listen 80; listen [::]:80; listen 443 ssl http2; listen [::]:443 ssl http2; server_name {MEDIA}; {tls}
 {common} }} }}
""")
    return ["nginx", "-c", conf, "-p", run]


def page(path):
    """A page with links to the assets that it needs: the same ones for the same path."""
    rng = random.Random(path.split("?")[0])
    photos = "".join(f"<img src={name}>" for name in rng.sample(ASSETS[4:], rng.randint(1, 4)))
    words = " ".join(rng.choice(WORDS) for _ in range(rng.randint(150, 900)))
    links = "".join(f"<a href=/news/{rng.randrange(400)}>{rng.choice(WORDS)}</a>" for _ in range(12))
    return f"<!doctype html><link rel=stylesheet href=/assets/site.css><script src=/assets/app.js></script><img src=/assets/logo.svg>{photos}<p>{words}</p>{links}"


class App:
    """Workers and the time that an answer takes, for each kind of request; beyond `QUEUE` that wait it says 503."""

    WORK = {"search": (4, 0.030), "login": (3, 0.040), "page": (6, 0.012)}
    QUEUE = 150

    def __init__(self):
        self.workers = {kind: asyncio.Semaphore(count) for kind, (count, _) in self.WORK.items()}
        self.waiting = 0

    async def answer(self, method, path, body):
        kind = "search" if path.startswith("/search") or "?" in path else "login" if "login" in path and method == "POST" else "page"
        if self.waiting > self.QUEUE:
            return 503, "busy"
        self.waiting += 1
        try:
            async with self.workers[kind]:
                await asyncio.sleep(self.WORK[kind][1] * random.uniform(0.7, 1.5))
        finally:
            self.waiting -= 1
        if kind == "login":
            # Staff have names of u and a number, and know their passwords.
            right = 0.85 if b"name=u" in body and b"0" <= body[6:7] <= b"9" else 0.02
            return (302, "") if random.random() < right else (401, "wrong name or password")
        if path.startswith("/api/votes"):
            return 200, '{"vote":17,"yes":%d,"no":%d}' % (random.randrange(300), random.randrange(300))
        return (404, "no such page") if path.startswith(("/wp-", "/archive/")) else (200, page(path))

    async def serve(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            method, path, _ = head.split(b"\r\n")[0].decode("latin-1").split(" ", 2)
            lower = head.lower()
            sent = b""
            if b"content-length: " in lower:
                sent = await reader.readexactly(int(lower.split(b"content-length: ")[1].split(b"\r")[0]))
            status, body = await self.answer(method, path, sent)
            body = body.encode()
            extra = "Location: /\r\n" if status == 302 else ""
            writer.write(f"HTTP/1.0 {status} X\r\nContent-Type: text/html\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()


async def app(port):
    server = await asyncio.start_server(App().serve, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


async def quic(certificate, key):
    from aioquic.asyncio import QuicConnectionProtocol, serve
    from aioquic.h3.connection import H3_ALPN, H3Connection
    from aioquic.h3.events import HeadersReceived
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.events import ProtocolNegotiated

    class Server(QuicConnectionProtocol):
        http = None

        def quic_event_received(self, event):
            if isinstance(event, ProtocolNegotiated):
                self.http = H3Connection(self._quic)
            if self.http is None:
                return
            for got in self.http.handle_event(event):
                if isinstance(got, HeadersReceived):
                    path = dict(got.headers).get(b":path", b"/").decode("latin-1")
                    body = page(path).encode()
                    self.http.send_headers(got.stream_id, [(b":status", b"200"), (b"content-length", b"%d" % len(body))])
                    self.http.send_data(got.stream_id, body, end_stream=True)
                    self.transmit()

    configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
    configuration.load_cert_chain(certificate, key)
    await serve("192.0.2.10", 443, configuration=configuration, create_protocol=Server)
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(app(int(sys.argv[2])) if sys.argv[1] == "app" else quic(*sys.argv[2:4]))
    except KeyboardInterrupt:
        pass

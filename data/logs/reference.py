"""What the lines of this folder say, read a second time and in another way: one regular expression for each file.

Writes NAME.json beside each NAME.log, one object a line, in the shape that crates/wire/tests/web_golden.rs compares.
`python3 reference.py` in this folder; needs Python 3.11 or newer and nothing else.
"""
import datetime, ipaddress, json, pathlib, re

METHODS = "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH".split()
VERSIONS = {"HTTP/0.9": "0.9", "HTTP/1.0": "1.0", "HTTP/1.1": "1.1", "HTTP/2.0": "2", "HTTP/2": "2", "HTTP/3.0": "3"}
QUOTED = r'(?:[^"\\]|\\.)*'
NCSA = r"\[(?P<ncsa>[^]]+)\]"
COMMON = rf'(?P<client>\S+) \S+ .*? {NCSA} "(?P<request>{QUOTED})" (?P<status>\S+) (?P<bytes>\S+)'
COMBINED = rf'{COMMON} "(?P<referrer>{QUOTED})" "(?P<agent>{QUOTED})"'
REQUEST = r'"(?P<request>[^"]*)"'
HAPROXY = (
    r"<\d+>\w{3} [ \d]\d [\d:]{8} \S+ \w+\[\d+\]: (?P<client>\S+):\d+ \[(?P<ha>[^]]+)\] \S+ \S+ [-\d]+/[-\d]+/[-\d]+/[-\d]+/\+?(?P<ms>\d+) "
    r"(?P<status>\S+) \+?(?P<bytes>\d+) \S+ \S+ (?P<state>\S{4}) \S+ \S+ (?:\{(?P<host>[^|}]*)\|(?P<agent>[^|}]*)\} )?(?:\{[^}]*\} )?" + REQUEST
)
HTTPS = REQUEST + r" \S+ (?P<host>[^/ ]+)/TLS\S+"

# The format as it is declared (`None`: it is recognised), and the expression.
FILES = {
    "nginx_combined": ("combined", None, COMBINED),
    "nginx_main": ("combined_forwarded", None, rf'{COMBINED} "(?P<forwarded>{QUOTED})"'),
    "nginx_own": (
        "nginx",
        '$remote_addr $time_iso8601 $msec $request_method $request_uri $server_protocol $status $bytes_sent $request_length '
        '$request_time $upstream_response_time $upstream_cache_status $connection "$http_user_agent" "$http_x_forwarded_for" $http_host',
        rf'(?P<client>\S+) \S+ (?P<epoch>\S+) (?P<method>\S+) (?P<target>\S+) (?P<version>\S+) (?P<status>\S+) (?P<bytes>\S+) (?P<in>\S+) '
        rf'(?P<seconds>\S+) \S+ \S+ \S+ "(?P<agent>{QUOTED})" "(?P<forwarded>{QUOTED})" (?P<host>\S+)',
    ),
    "nginx_parts": (
        "nginx",
        "log_format parts '$time_iso8601|$scheme://$host$request_uri|' '$remote_addr|$status|$request_time';",
        r"(?P<iso>[^|]+)\|\w+://(?P<host>[^/|]+)(?P<target>/[^|]*)\|(?P<client>[^|]+)\|(?P<status>\d+)\|(?P<seconds>\S+)",
    ),
    "nginx_json_string": (
        "nginx",
        'log_format js escape=json \'{"time":"$time_iso8601","client":"$remote_addr","request":"$request","status":$status,'
        '"bytes":$body_bytes_sent,"seconds":$request_time,"referer":"$http_referer","agent":"$http_user_agent",'
        '"forwarded":"$http_x_forwarded_for","host":"$host"}\';',
        rf'\{{"time":"(?P<iso>[^"]+)","client":"(?P<client>[^"]+)","request":"(?P<request>{QUOTED})","status":(?P<status>\d+),'
        rf'"bytes":(?P<bytes>\d+),"seconds":(?P<seconds>[^,]+),"referer":"(?P<referrer>{QUOTED})","agent":"(?P<agent>{QUOTED})",'
        rf'"forwarded":"(?P<forwarded>{QUOTED})","host":"(?P<host>{QUOTED})"\}}',
    ),
    "nginx_json": (
        "json",
        None,
        rf'\{{"time_iso8601":"(?P<iso>[^"]+)","remote_addr":"(?P<client>[^"]+)","request_method":"(?P<method>[^"]*)","request_uri":"(?P<target>{QUOTED})",'
        rf'"server_protocol":"(?P<version>[^"]*)","status":"(?P<status>\d+)","body_bytes_sent":"(?P<bytes>\d+)","request_length":"(?P<in>\d+)",'
        rf'"request_time":"(?P<seconds>[^"]+)","http_referer":"(?P<referrer>{QUOTED})","http_user_agent":"(?P<agent>{QUOTED})",'
        rf'"http_x_forwarded_for":"(?P<forwarded>{QUOTED})","http_host":"(?P<host>{QUOTED})"\}}',
    ),
    "apache_common": ("common", None, COMMON),
    "apache_combined": ("combined", None, COMBINED),
    "apache_vhost": ("vhost_combined", None, rf"(?P<host>[^: ]+):\d+ {COMBINED}"),
    "apache_own": (
        "apache",
        'LogFormat "%a %{c}a %{%Y-%m-%dT%H:%M:%S}t.%{msec_frac}t%{%z}t %m %U%q %H %s %B %D %{ms}T %T \\"%{User-agent}i\\" '
        '\\"%{X-Forwarded-For}i\\" %V %X" own',
        rf'(?P<client>\S+) \S+ (?P<iso>\S+) (?P<method>\S+) (?P<target>\S+) (?P<version>\S+) (?P<status>\d+) (?P<bytes>\d+) (?P<us>\d+) '
        rf'\d+ \d+ "(?P<agent>{QUOTED})" "(?P<forwarded>{QUOTED})" (?P<host>\S+) (?P<x>\S)',
    ),
    "apache_epoch": (
        "apache",
        '%{usec}t %a "%r" %>s %B %{us}T',
        rf'(?P<epochus>\d+) (?P<client>\S+) "(?P<request>{QUOTED})" (?P<status>\d+) (?P<bytes>\d+) (?P<us>\d+)',
    ),
    "apache_strftime": (
        "apache",
        '%{end:%d/%b/%Y %T}t.%{end:usec_frac}t %{%z}t %h "%r" "%400,404{User-agent}i" %>s',
        rf'(?P<strf>\S+ \S+ \S+) (?P<client>\S+) "(?P<request>{QUOTED})" "(?P<agent>{QUOTED})" (?P<status>\d+)',
    ),
    "haproxy_http": ("haproxy", "haproxy Host|User-Agent", HAPROXY),
    "haproxy_https": ("haproxy", None, HAPROXY.replace("P<host>", "").replace("(?[^|}]*)", "[^|}]*").removesuffix(REQUEST) + HTTPS),
    "quoted_lines": ("combined", None, f'"{COMBINED}"'),
}


def moment(parts):
    """Nanoseconds since 1970."""
    def of(text, form):
        at = datetime.datetime.strptime(text, form)
        at = at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)
        since = at - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        return (since // datetime.timedelta(microseconds=1)) * 1000
    if text := parts.get("ncsa"):
        return of(text, "%d/%b/%Y:%H:%M:%S %z")
    if text := parts.get("ha"):
        return of(text, "%d/%b/%Y:%H:%M:%S.%f") + int(parts["ms"]) * 10**6
    if text := parts.get("strf"):
        return of(text, "%d/%b/%Y %H:%M:%S.%f %z")
    if text := parts.get("epoch"):
        return round(float(text) * 1000) * 10**6
    if text := parts.get("epochus"):
        return (int(text) + int(parts["us"])) * 1000
    at = of(parts["iso"], "%Y-%m-%dT%H:%M:%S.%f%z" if "." in parts["iso"] else "%Y-%m-%dT%H:%M:%S%z")
    return at + int(parts.get("us") or 0) * 1000


def request(line, expression):
    found = re.fullmatch(expression, line)
    if not found:
        return None
    parts = {key: value for key, value in found.groupdict().items() if value not in (None, "-")}
    if "ha" in parts and parts.get("request") == "<BADREQ>":
        parts["request"] = ""
    method, target, version = parts.get("method", ""), parts.get("target", ""), parts.get("version", "")
    if "request" in parts:
        words = re.fullmatch(r"([A-Z]{1,24}) (.*) (HTTP/\S+)", parts["request"])
        method, target, version = words.groups() if words else ("", parts["request"], "")
    client = parts.get("client", "")
    try:
        client = str(ipaddress.ip_address(client))
    except ValueError:
        client = "name " + client
    duration = None
    for unit, size in (("us", 10**3), ("ms", 10**6)):
        if unit in parts:
            duration = int(parts[unit]) * size
    if "seconds" in parts:
        duration = round(float(parts["seconds"]) * 1000) * 10**6
    status, state = int(parts.get("status", 0)), parts.get("state", "")
    asked = "request" in found.groupdict() or "target" in found.groupdict()
    return {
        "time": moment(parts),
        "client": client,
        "forwarded_for": parts.get("forwarded", ""),
        "host": parts.get("host", ""),
        "method": method if method in METHODS else "other" if re.fullmatch("[A-Z]{1,24}", method) else "invalid",
        "target": target,
        "version": VERSIONS.get(version, "unknown"),
        "status": status,
        "response_bytes": int(parts["bytes"]) if "bytes" in parts else None,
        "request_bytes": int(parts["in"]) if "in" in parts else None,
        "duration_nanoseconds": duration,
        "referrer": parts.get("referrer", ""),
        "agent": parts.get("agent", ""),
        "is_aborted": status == 499 or state.startswith("C"),
        "is_timed_out": status == 408 or state.startswith("cR") or (status == 400 and asked and not target and not method),
    }


for name, (kind, declared, expression) in FILES.items():
    path = pathlib.Path(name + ".log")
    out = [json.dumps({"format": kind, "declared": declared})]
    for line in path.read_text("utf-8", "replace").split("\n"):
        if line:
            out.append(json.dumps(request(line, expression), ensure_ascii=False))
    path.with_suffix(".json").write_text("\n".join(out) + "\n")

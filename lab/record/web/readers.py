"""Wanted traffic of a web site, each kind a role: `readers.py ROLE [options]`; all run until they are interrupted.

`ordinary` is the background of every recording. `--rate` is page visits (or requests, or readers) a second.
"""

import argparse
import asyncio

import browser
from browser import FAILURES, Browser, links, protocol, source

SEARCHES = ("https://www.google.com/", "https://www.bing.com/", "https://duckduckgo.com/")
WORDS = "agenda vote committee minister budget energy housing farmer border climate school hospital pension railway".split()
MONITORS = ("UptimeRobot/2.0; http://www.uptimerobot.com/", "Pingdom.com_bot_version_1.4", "check_http/v2.3.3 (monitoring-plugins 2.3.3)", "Blackbox-Exporter/0.25.0")


async def stream(rng, rate, make, until=None):
    """Starts things at Poisson times; `rate` may be a function of the seconds since the start."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while until is None or loop.time() - begun < until:
        now = rate(loop.time() - begun) if callable(rate) else rate
        await asyncio.sleep(rng.expovariate(now))
        asyncio.ensure_future(quietly(make()))


async def quietly(work):
    try:
        await work
    except FAILURES:
        pass
    except Exception as error:  # pylint: disable=broad-except
        print(type(error).__name__, error)


def entry(rng):
    """Where a visit begins: (path, referrer)."""
    kind = rng.random()
    if kind < 0.35:
        return "/", rng.choice(SEARCHES + ("", ""))
    if kind < 0.85:
        return f"/news/{min(int(rng.paretovariate(0.7)), 399)}", rng.choice(SEARCHES + ("", "https://news.example/politics"))
    return rng.choice(("/agenda", "/members/17", "/votes/4", "/members/203")), rng.choice(SEARCHES)


async def session(rng, reader, pages, think=3.0, cancel=0.0, assets=99, first=None):
    """Pages with time to read between them."""
    path, referrer = first or entry(rng)
    for _ in range(pages):
        body, own = await reader.visit(path, referrer, cancel, assets)
        if rng.random() < 0.06:
            word = f"/search?q={rng.choice(WORDS)}+{rng.choice(WORDS)}"
            body, own = await reader.visit(word, own)
        if rng.random() < 0.05:
            await reader.ask([f"/archive/{rng.randrange(9000)}"], own)
        following = links(body)
        await asyncio.sleep(rng.lognormvariate(0, 0.8) * think)
        path, referrer = (rng.choice(following) if following else "/"), own
    await asyncio.sleep(rng.expovariate(0.2))
    reader.close()


async def ordinary(rng, o):
    """Readers, of whom some come again with what they have in their cache; a crawler and two monitors."""
    known = []

    def reader():
        if known and rng.random() < 0.3:
            return rng.choice(known)
        made = Browser(source(rng), protocol(rng), rng)
        known.append(made)
        return made

    async def visit():
        person = reader()
        if person.writer is None:
            await session(rng, person, min(int(rng.paretovariate(1.1)), 8), assets=rng.choice((3, 6, 99)))

    await asyncio.gather(stream(rng, o.rate, visit), crawl(rng, 0.25), watch(rng, 2, 10.0))


async def crawl(rng, rate):
    """A search engine's robot: pages one by one from one address, no assets, no referrer."""
    robot = Browser("198.18.66.1", "h1s", rng)
    robot.agent = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    robot.language = "en"
    await quietly(robot.ask(["/robots.txt"]))
    number = 0
    while True:
        number += 1
        await quietly(robot.ask([rng.choice((f"/news/{number % 400}", f"/members/{number % 700}", f"/votes/{number % 90}"))]))
        await asyncio.sleep(rng.expovariate(rate))


async def watch(rng, count, seconds):
    """Monitoring: the same page at a fixed pace with a new connection each time."""
    async def one(number):
        while True:
            probe = Browser(f"198.18.67.{number + 1}", "h1" if number % 2 else "h1s", rng)
            probe.agent = MONITORS[number % len(MONITORS)]
            await quietly(probe.ask(["/" if number % 3 else "/agenda"], method="HEAD" if number % 4 == 3 else "GET"))
            probe.close()
            await asyncio.sleep(seconds)

    await asyncio.gather(*(one(number) for number in range(count)))


async def surge(rng, o):
    """New readers whose number grows evenly from nothing to `--rate` over `--grow` seconds, and stays."""
    first = {"election": lambda: (rng.choice(("/", "/", "/votes/4", "/news/1")), rng.choice(SEARCHES + ("", "", "https://social.example/"))),
             "news": lambda: ("/news/77", "https://news.example/politics/parliament-decides")}[o.role]

    def visit():
        reader = Browser(source(rng), protocol(rng), rng)
        return session(rng, reader, rng.choice((1, 1, 2, 3)), think=2.5, assets=o.assets, first=first())

    await stream(rng, lambda at: max(0.5, o.rate * min(1.0, at / o.grow)), visit)


async def nat(rng, o):
    """Hundreds of readers behind one address of a mobile network."""
    await stream(rng, o.rate, lambda: session(rng, Browser("198.18.99.7", protocol(rng), rng), rng.choice((1, 1, 2, 3)), assets=rng.choice((2, 4, 99))))


async def idle(rng, o):
    """Browsers that load a page and keep the connection, as browsers do."""
    async def one():
        reader = Browser(source(rng), protocol(rng), rng)
        await reader.visit("/", "", assets=o.assets)
        await asyncio.sleep(500)

    await stream(rng, o.rate, one, until=o.grow)
    await asyncio.sleep(500)


async def downloads(rng, o):
    """Reports of 0.3 to 2.5 MB."""
    async def one():
        reader = Browser(source(rng), protocol(rng), rng, timeout=60)
        await reader.ask([f"/documents/report{rng.choice((0, 0, 1, 1, 2))}.pdf"], "https://www.parliament.example/agenda")
        reader.close()

    await stream(rng, o.rate, one)


async def slow(rng, o):
    """Readers on bad links (addresses that bad_link.py delays and loses): pages, and forms that take long to send."""
    async def one():
        reader = Browser(f"198.18.200.{rng.randrange(1, 250)}", rng.choice(("h1", "h1", "h1s", "h2")), rng, timeout=40)
        if rng.random() < 0.3:
            form = b"text=" + b"my+house+is+cold+" * rng.randint(100, 900)
            await reader.ask(["/contact"], "https://www.parliament.example/contact", "POST", form, {"content-type": "application/x-www-form-urlencoded"})
        else:
            await session(rng, reader, 2, assets=5)
        reader.close()

    await stream(rng, o.rate, one)


async def searches(rng, o):
    """Readers who look for things: each asks a few different questions and loads what the answer needs."""
    async def one():
        reader, own = Browser(source(rng), protocol(rng), rng), "https://www.parliament.example/"
        for _ in range(rng.randint(1, 4)):
            words = "+".join(rng.sample(WORDS, rng.randint(1, 3)))
            _, own = await reader.visit(f"/search?q={words}" + rng.choice(("", "", "&page=2", "&sort=date")), own, assets=5)
            await asyncio.sleep(rng.lognormvariate(1, 0.6))
        reader.close()

    await stream(rng, o.rate, one)


async def logins(rng, o):
    """Monday, nine o'clock: staff sign in from the house's own address and from home; some mistype."""
    async def one():
        where = "198.18.98.2" if rng.random() < 0.6 else source(rng)
        reader = Browser(where, "h2", rng)
        _, own = await reader.visit("/login", "", assets=4)
        for _ in range(rng.choice((1, 1, 1, 2))):
            await asyncio.sleep(rng.uniform(1.5, 5))
            form = f"name=u{rng.randrange(900)}&password={rng.getrandbits(40):x}".encode()
            await reader.ask(["/login"], own, "POST", form, {"content-type": "application/x-www-form-urlencoded"})
        await session(rng, reader, 1, first=("/agenda", own))

    await stream(rng, o.rate, one)


async def votes(rng, o):
    """The results of a vote, read every two seconds by the open pages of many readers."""
    async def one():
        reader = Browser(source(rng), "h2", rng)
        _, own = await reader.visit("/votes/4", "", assets=3)
        while True:
            await reader.ask(["/api/votes"], own)
            await asyncio.sleep(2 + rng.uniform(-0.1, 0.1))

    await stream(rng, o.rate, one, until=o.grow)
    await asyncio.sleep(500)


async def feeds(rng, o):
    """Feed readers: a new TLS connection for one small answer, at fixed times."""
    async def one():
        reader = Browser(source(rng), "h1s", rng)
        reader.agent = rng.choice(("Feedly/1.0 (+http://www.feedly.com/fetcher.html)", "NetNewsWire (RSS Reader; https://netnewswire.com/)", "Tiny Tiny RSS/24.01"))
        await reader.ask(["/news/feed"])
        reader.close()

    await stream(rng, o.rate, one)


async def cancels(rng, o):
    """Readers who click on before a page is there: a third of the streams for assets are given up."""
    await stream(rng, o.rate, lambda: session(rng, Browser(source(rng), "h2", rng), rng.choice((2, 3, 4)), think=0.6, cancel=0.34))


async def classroom(rng, o):
    """A school: the same managed browser on every desk behind one address; all open the same pages when they are told to."""
    desks = [Browser("198.18.97.3", rng.choice(("h2", "h2", "h1")), rng) for _ in range(28)]
    for desk in desks:
        desk.agent = desks[0].agent

    async def open_page(desk, path):
        await asyncio.sleep(rng.uniform(0, 4))
        await desk.visit(path, "")

    while True:
        await asyncio.gather(*(quietly(open_page(desk, path)) for path in [rng.choice(("/agenda", f"/news/{rng.randrange(400)}", "/members/17"))] for desk in desks))
        await asyncio.sleep(rng.uniform(5, 9))


async def dashboard(rng, o):
    """Pages that stay open and ask an interface for a few figures once a second each; browsers, which load the page first."""
    async def one():
        reader = Browser(source(rng), rng.choice(("h2", "h2", "h1s", "h1")), rng)
        _, own = await reader.visit("/votes/9", "")
        while True:
            await reader.ask(["/api/votes"], own)
            await asyncio.sleep(1 / o.each)

    await stream(rng, o.rate, one, until=o.grow)
    await asyncio.sleep(500)


async def kiosks(rng, o):
    """The same by devices without a browser, all at once: a kept connection, a small answer at a fixed pace."""
    async def one(number):
        reader = Browser(f"198.18.95.{number + 1}", o.speak or rng.choice(("h2", "h1s")), rng)
        reader.agent = "okhttp/4.12.0"
        await asyncio.sleep(rng.uniform(0, 3))
        while True:
            await quietly(reader.ask(["/api/votes"]))
            await asyncio.sleep(1 / o.each)

    await asyncio.gather(*(one(number) for number in range(int(o.rate))))


async def apps(rng, o):
    """A telephone's app: each begins with some calls to the interface and then makes one now and then."""
    async def one():
        reader = Browser(source(rng), rng.choice(("h2", "h2", "h1s")), rng)
        reader.agent = f"Parliament/3.{rng.randrange(9)} (Android 15) okhttp/4.12.0"
        await reader.ask(["/api/session/config", "/api/votes", f"/api/news?page={rng.randrange(1, 4)}", "/api/agenda"])
        for _ in range(rng.randrange(4)):
            await asyncio.sleep(rng.expovariate(0.15))
            await reader.ask([rng.choice(("/api/votes", f"/api/news/{rng.randrange(400)}", "/api/agenda"))])
        await asyncio.sleep(5)
        reader.close()

    await stream(rng, o.rate, one)


async def webcam(rng, o):
    """A page with a picture that is loaded anew each second by all who look at it."""
    async def one():
        reader = Browser(source(rng), rng.choice(("h2", "h1s", "h1")), rng)
        _, own = await reader.visit("/news/7", "")
        while True:
            await reader.ask(["/assets/photo3.jpg"], own)
            await asyncio.sleep(1)

    await stream(rng, o.rate, one, until=o.grow)
    await asyncio.sleep(500)


async def player(rng, o):
    """A recording of a sitting: a piece of it every two seconds for each who watches."""
    async def one():
        reader = Browser(source(rng), rng.choice(("h2", "h1s", "h1")), rng)
        _, own = await reader.visit("/news/8", "")
        at = 0
        while True:
            await reader.ask(["/documents/report2.pdf"], own, extra={"range": f"bytes={at}-{at + 39_999}"})
            at = (at + 40_000) % 2_400_000
            await asyncio.sleep(2)

    await stream(rng, o.rate, one, until=o.grow)
    await asyncio.sleep(500)


async def uptime(rng, o):
    """An uptime service: the same page from several places, a new connection each time."""
    async def place(number):
        await asyncio.sleep(rng.uniform(0, 1 / o.each))
        while True:
            probe = Browser(f"198.18.94.{number + 1}", o.speak or "h1s", rng)
            probe.agent = MONITORS[1]
            await quietly(probe.ask(["/agenda"]))
            probe.close()
            await asyncio.sleep(1 / o.each)

    await asyncio.gather(*(place(number) for number in range(int(o.rate))))


async def checker(rng, o):
    """A link checker, or a polite crawler with a few workers: many different pages, one address, as fast as --rate."""
    async def worker(number):
        robot = Browser("198.18.93.9", o.speak or "h1s", rng)
        robot.agent = "LinkChecker/10.2 (+https://linkchecker.github.io/linkchecker/)"
        while True:
            number += 4
            await quietly(robot.ask([rng.choice((f"/news/{number % 400}", f"/members/{number % 700}", f"/votes/{number % 90}", f"/archive/{number}"))]))
            await asyncio.sleep(4 / o.rate)

    await asyncio.gather(*(worker(number) for number in range(4)))


async def reloads(rng, o):
    """People who press reload during a vote: the page and what is not in their cache, every second or three."""
    async def one():
        reader = Browser(source(rng), protocol(rng), rng)
        while True:
            await reader.visit("/votes/4", "")
            await asyncio.sleep(rng.uniform(0.8, 4))

    await stream(rng, o.rate, one, until=o.grow)
    await asyncio.sleep(500)


async def crawler(rng, o):
    await crawl(rng, o.rate)


async def monitors(rng, o):
    await watch(rng, 6, 1.0 / o.rate)


ROLES = {"ordinary": ordinary, "election": surge, "news": surge, "nat": nat, "idle": idle, "downloads": downloads, "slow": slow, "searches": searches,
         "logins": logins, "votes": votes, "feeds": feeds, "cancels": cancels, "classroom": classroom, "crawler": crawler, "monitors": monitors,
         "dashboard": dashboard, "kiosks": kiosks, "apps": apps, "webcam": webcam, "player": player, "uptime": uptime, "checker": checker, "reloads": reloads}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--rate", type=float, default=1.0)
    parser.add_argument("--grow", type=float, default=40.0, help="seconds that a surge grows, or that new readers come")
    parser.add_argument("--assets", type=int, default=99)
    parser.add_argument("--each", type=float, default=1.0, help="requests a second of each")
    parser.add_argument("--speak", default="", help="the protocol, where there is a choice: h1, h1s or h2")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    browser.room()
    try:
        asyncio.run(ROLES[options.role](browser.make(f"{options.role}{options.seed}"), options))
    except KeyboardInterrupt:
        pass


main()

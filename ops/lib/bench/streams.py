"""Server-sent events through the edge."""

import asyncio
import resource
import signal
import statistics
import time

from . import rig

EVENT = b"event: message\ndata: %d\n\n"
OPEN_STREAMS = 1000


class Server:
    """Answers each request with a stream and sends it what the suite wishes."""

    def __init__(self):
        self.writers = []
        self.arrived = asyncio.Event()

    async def handle(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                           if line.startswith(b"content-length:")), 0)
            await reader.readexactly(length)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            await writer.drain()
            self.writers.append(writer)
            self.arrived.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    @staticmethod
    def send(writer, number):
        event = EVENT % number
        writer.write(b"%x\r\n%s\r\n" % (len(event), event))


async def open_stream(port, bench):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = rig.BODY.encode()
    writer.write(
        (f"POST {rig.AUDIENCE_PATH} HTTP/1.1\r\nHost: 127.0.0.1:{bench.edge_port}\r\n"
         f"Authorization: Bearer {bench.token}\r\nAccept: text/event-stream, application/json\r\n"
         f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise RuntimeError(f"a stream was not opened: {head.splitlines()[0]!r}")
    return reader, writer


async def delays(server, port, bench, count):
    """Milliseconds from the server's write to the client's read, one stream, one event at a time."""
    server.arrived.clear()
    reader, writer = await open_stream(port, bench)
    await server.arrived.wait()
    took = []
    for number in range(count):
        began = time.perf_counter_ns()
        server.send(server.writers[-1], number)
        await reader.readuntil(b"data: %d\n" % number)
        took.append((time.perf_counter_ns() - began) / 1e6)
        await asyncio.sleep(0.002)
    writer.close()
    return sorted(took)


async def survive(server, port, bench, edge):
    server.writers.clear()
    streams = []
    for _ in range(OPEN_STREAMS):
        streams.append(await open_stream(port, bench))
    while len(server.writers) < OPEN_STREAMS:
        await asyncio.sleep(0.01)
    edge.send_signal(signal.SIGHUP)
    # A stream opened by a new worker says that the reload has happened.
    await asyncio.sleep(1)
    await open_stream(port, bench)
    for writer in server.writers[:OPEN_STREAMS]:
        server.send(writer, 7)
    alive = 0
    for reader, _ in streams:
        try:
            await asyncio.wait_for(reader.readuntil(b"data: 7\n"), 10)
            alive += 1
        except (asyncio.IncompleteReadError, asyncio.TimeoutError, ConnectionError):
            pass
    for _, writer in streams:
        writer.close()
    return alive


async def measure(bench, wishes):
    server = Server()
    listener = await asyncio.start_server(server.handle, "127.0.0.1", 0, backlog=2048)
    backend = listener.sockets[0].getsockname()[1]
    edge, port = bench.our_edge(backend, keep="-streams")
    rows = []
    for number in range(wishes.rounds):
        rig.say(f"round {number + 1} of {wishes.rounds}: events, direct and through the edge")
        direct = await delays(server, backend, bench, 500)
        through = await delays(server, port, bench, 500)
        rows.append([through[int(500 * share)] - direct[int(500 * share)] for share in (0.5, 0.99)])
    p50, p99 = (statistics.median(row[index] for row in rows) for index in (0, 1))
    rig.say(f"{OPEN_STREAMS} streams over a reload")
    alive = await survive(server, port, bench, edge)
    listener.close()
    print("\nStreams\n")
    print(f"an event behind the server's own   p50 {p50:.3f} ms, p99 {p99:.3f} ms")
    print(f"{OPEN_STREAMS} open streams over a reload    {alive} survived")
    return {"behindP50Milliseconds": p50, "behindP99Milliseconds": p99, "survived": alive, "opened": OPEN_STREAMS}


def run(bench, wishes):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))
    return asyncio.run(measure(bench, wishes))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A model server for measurements: OpenAI's chat protocol on asyncio, as lean as Python allows;
embeddings of 384 numbers, drawn anew for each text but the same for the same.

model_server.py PORT: the last message says what to do: "tokens=N delay=MS" streams N pieces, one every
MS milliseconds (the first at once), "tokens=N until=told" the first one, and the others once somebody
asked for GET /tell. Default: 5 pieces without delay.
"""
import asyncio
import json
import random
import re
import sys


def piece(text, finish=None, usage=None):
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "bench",
            "choices": [{"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}]}
    if usage:
        body["usage"] = usage
    return b"data: " + json.dumps(body).encode() + b"\n\n"


told = asyncio.Event()


def vectors(body):
    texts = json.loads(body)["input"]
    draw = [random.Random(t).gauss for t in texts]
    data = [{"index": i, "embedding": [round(d(0, 1), 3) for _ in range(384)]} for i, d in enumerate(draw)]
    return json.dumps({"data": data, "usage": {"prompt_tokens": 1}}).encode()


async def handle(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET /tell "):
                told.set()
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                continue
            length = int(re.search(rb"(?i)content-length: *(\d+)", head).group(1))
            body = (await reader.readexactly(length)).decode()
            if b"/embeddings " in head.split(b"\r\n", 1)[0]:
                data = vectors(body)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data))
                await writer.drain()
                continue
            m = re.search(r"tokens=(\d+) (?:delay=(\d+)|until=told)", body)
            tokens, delay = (int(m.group(1)), int(m.group(2) or 0)) if m else (5, 0)
            waits = m and not m.group(2)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for i in range(tokens):
                if i and delay:
                    await asyncio.sleep(delay / 1000)
                if i and waits:
                    await told.wait()
                data = piece("word%d " % i)
                writer.write(b"%x\r\n%s\r\n" % (len(data), data))
                await writer.drain()
            data = piece("", "stop", {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": 10 + tokens})
            data += b"data: [DONE]\n\n"
            writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", int(sys.argv[1]), backlog=16384, limit=1 << 20)
    async with server:
        await server.serve_forever()


asyncio.run(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A model server for measurements: OpenAI's chat protocol on asyncio, as lean as Python allows.

model_server.py PORT: the last message says what to do: "tokens=N delay=MS" streams N pieces, one every
MS milliseconds (the first at once). Default: 5 pieces without delay.
"""
import asyncio
import json
import re
import sys


def piece(text, finish=None, usage=None):
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "bench",
            "choices": [{"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}]}
    if usage:
        body["usage"] = usage
    return b"data: " + json.dumps(body).encode() + b"\n\n"


async def handle(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(re.search(rb"(?i)content-length: *(\d+)", head).group(1))
            body = (await reader.readexactly(length)).decode()
            m = re.search(r"tokens=(\d+) delay=(\d+)", body)
            tokens, delay = (int(m.group(1)), int(m.group(2))) if m else (5, 0)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for i in range(tokens):
                if i and delay:
                    await asyncio.sleep(delay / 1000)
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

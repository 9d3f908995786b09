# SPDX-License-Identifier: Apache-2.0
"""A server of tools made with the official SDK. PORT json|events: how it answers."""
import asyncio
import sys

from mcp.server.fastmcp import Context, FastMCP, Image
from mcp.types import BlobResourceContents, EmbeddedResource, TextResourceContents

PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010806000000"
                    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082")
app = FastMCP("tools", host="127.0.0.1", port=int(sys.argv[1]), json_response=sys.argv[2] == "json",
              log_level="ERROR")


@app.tool()
def add(a: int, b: int = 5) -> int:
    """Adds two numbers."""
    return a + b


@app.tool(structured_output=False)
def echo(text: str, upper: bool | None = None) -> str:
    """Says it again."""
    return text.upper() if upper else text


@app.tool(structured_output=False)
def as_json() -> str:
    return '{"city": "Oslo", "n": [1, 2]}'


@app.tool()
def weather(city: str) -> dict[str, str | int]:
    return {"city": city, "degrees": 7}


@app.tool(structured_output=False)
def picture() -> Image:
    return Image(data=PNG, format="png")


@app.tool(structured_output=False)
def resources() -> list:
    return [EmbeddedResource(type="resource", resource=TextResourceContents(uri="file:///a.txt", text="read me")),
            EmbeddedResource(type="resource", resource=BlobResourceContents(
                uri="file:///x/b.bin", mimeType="application/octet-stream", blob="AAEC"))]


@app.tool()
def broken() -> str:
    raise ValueError("this never works")


@app.tool(structured_output=False)
async def chatty(ctx: Context) -> str:
    """Tells of its progress before it answers."""
    for i in range(3):
        await ctx.report_progress(i, 3)
        await ctx.info("step %d" % i)
        await asyncio.sleep(0.01)
    return "done"


@app.tool(structured_output=False)
def header(ctx: Context) -> str:
    return ctx.request_context.request.headers.get("x-token", "none")


app.run(transport="streamable-http")

"""Makes one tool call with the real MCP client and prints its answer."""

import argparse
import asyncio
import json
import pathlib
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_http import judge, trust


async def main(options):
    headers = {"Authorization": f"Bearer {pathlib.Path(options.token_file).read_text().strip()}"}
    async with httpx2.AsyncClient(headers=headers, verify=trust(options.ca), timeout=35, trust_env=False) as http:
        async with Client(streamable_http_client(options.url, http_client=http)) as client:
            tools = await client.list_tools()
            result = await client.call_tool(options.tool, options.arguments)
            text = judge(result.model_dump(mode="json", by_alias=True), options.contains)
            print(f"{options.tool} (one of {len(tools.tools)} tools) answers: {text[:300]}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--token-file", required=True)
    parser.add_argument("--ca")
    parser.add_argument("--tool", required=True)
    parser.add_argument("--arguments", type=json.loads, default={})
    parser.add_argument("--contains", action="append", default=[])
    try:
        asyncio.run(main(parser.parse_args()))
    except Exception as error:
        sys.exit(f"one_call.py: error: {error}")

#!/usr/bin/env python3
"""One tool call as an MCP client makes it that knows nothing but the pool's URL.

usage: oauth_call.py URL MODE TOOL ARGUMENTS      (MODE: auto or legacy; ARGUMENTS: JSON)

The client's own OAuth provider does all of it: meets the 401, finds the metadata, registers itself, runs the
code flow with PKCE and `resource`, and calls the tool. The issuer must consent by itself. Prints JSON:
{result, isError, visited}; visited are the paths of the requests, in order, with their answers.
"""

import asyncio
import json
import pathlib
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import parts

parts.run_under("client")

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.oauth2 import AuthorizationCodeResult
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata


class Memory:
    tokens = info = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.info

    async def set_client_info(self, info):
        self.info = info


async def call(url, mode, tool, arguments):
    visited, answer = [], {}

    async def saw(response):
        visited.append(f"{response.request.method} {response.request.url.path} {response.status_code}")

    async def consent(address):
        async with httpx2.AsyncClient(follow_redirects=False) as browser:
            response = await browser.get(address)
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(response.headers["location"]).query)
        answer.update({key: values[0] for key, values in query.items()})

    async def code():
        return AuthorizationCodeResult(code=answer["code"], state=answer.get("state"), iss=answer.get("iss"))

    provider = OAuthClientProvider(
        url, OAuthClientMetadata(
            client_name="convoy test", redirect_uris=["http://127.0.0.1:1/callback"],
            grant_types=["authorization_code", "refresh_token"], response_types=["code"],
            token_endpoint_auth_method="none"),
        Memory(), consent, code)
    async with httpx2.AsyncClient(auth=provider, event_hooks={"response": [saw]}, timeout=60) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
            result = await client.call_tool(tool, arguments)
    print(json.dumps({"result": [block.model_dump(mode="json") for block in result.content],
                      "isError": bool(result.is_error), "visited": visited}))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        print(__doc__)
        sys.exit(0 if {"-h", "--help"} & set(sys.argv) else 64)
    asyncio.run(call(sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4])))

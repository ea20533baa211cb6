"""A small MCP client over plain HTTP: many of them fit into one process, and it hides nothing."""

import hashlib
import itertools
import json
import ssl

import httpx

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
CLIENT = {"name": "convoy-load", "version": "1"}


class CallFailed(Exception):
    """What a person would see as a failed call."""


class SessionLost(Exception):
    """404 to a session: the specified sign to initialise again."""


def trust(authority):
    """A TLS context that trusts one private authority, or what the machine trusts."""
    return ssl.create_default_context(cafile=authority)


def digest_of_tools(tools):
    text = json.dumps(sorted(tools, key=lambda tool: tool["name"]), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def judge(result, contains=()):
    """Servers report refusals as ordinary text, so an answer counts only with the expected content."""
    text = " ".join(part.get("text", "") for part in result.get("content", []))
    if result.get("isError"):
        raise CallFailed(f"the tool reports an error: {text[:200]}")
    missing = [wanted for wanted in contains if wanted not in text]
    if missing:
        raise CallFailed(f"the answer lacks {missing[0]!r}: {text[:200]}")
    return text


def message_in(response):
    """The JSON-RPC answer in a JSON body or in the first data line of an event stream."""
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        lines = [line[5:].strip() for line in response.text.splitlines() if line.startswith("data:")]
        answers = [json.loads(line) for line in lines if line]
        answers = [answer for answer in answers if "result" in answer or "error" in answer]
        if not answers:
            raise CallFailed("the event stream ended without an answer")
        return answers[-1]
    return response.json()


class HTTPClient:
    """One client of one era, keep-alive unless each call is to have a fresh connection. Raises CallFailed, SessionLost or httpx.HTTPError."""

    def __init__(self, url, era, token=None, tls=None, timeout=35.0, headers=None, fresh=False):
        self.url, self.era = url, era
        self.session = None
        self.ids = itertools.count(1)
        common = {"Accept": "application/json, text/event-stream"} | (headers or {})
        if token:
            common["Authorization"] = f"Bearer {token}"
        limits = {"limits": httpx.Limits(max_keepalive_connections=0)} if fresh else {}
        self.http = httpx.AsyncClient(
            headers=common, verify=tls if tls else True, timeout=timeout, trust_env=False, **limits)

    async def close(self):
        try:
            if self.session:
                await self.http.delete(self.url, headers=self._session_headers(), timeout=2.0)
        except httpx.HTTPError:
            pass  # The session ends with its server; nothing is left to say to anybody.
        await self.http.aclose()

    async def open(self):
        """Initialises a session; nothing to do in the modern era."""
        if self.era == "modern":
            return None
        self.session = None
        parameters = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": CLIENT}
        response, result = await self._post("initialize", parameters, {})
        self.session = response.headers.get("mcp-session-id")
        await self.http.post(
            self.url, json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=self._session_headers()
        )
        return result

    async def request(self, method, parameters=None, name=None):
        parameters = dict(parameters or {})
        if self.era == "modern":
            parameters["_meta"] = {
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientInfo": CLIENT,
                "io.modelcontextprotocol/clientCapabilities": {},
            }
            headers = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method} | ({"Mcp-Name": name} if name else {})
        else:
            headers = self._session_headers()
        return (await self._post(method, parameters, headers))[1]

    async def call_tool(self, name, arguments, contains=()):
        return judge(await self.request("tools/call", {"name": name, "arguments": arguments}, name), contains)

    async def mark(self):
        """Tells releases apart: many servers announce a library's version, but their tools differ."""
        return digest_of_tools((await self.request("tools/list"))["tools"])

    def _session_headers(self):
        return {"MCP-Protocol-Version": LEGACY} | ({"Mcp-Session-Id": self.session} if self.session else {})

    async def _post(self, method, parameters, headers):
        body = {"jsonrpc": "2.0", "id": next(self.ids), "method": method, "params": parameters}
        response = await self.http.post(self.url, json=body, headers=headers)
        if response.status_code == 404 and self.session:
            self.session = None
            raise SessionLost()
        if response.status_code != 200:
            raise CallFailed(f"HTTP {response.status_code}: {response.text[:200].strip()}")
        answer = message_in(response)
        if "error" in answer:
            raise CallFailed(f"JSON-RPC {answer['error'].get('code')}: {str(answer['error'].get('message'))[:200]}")
        return response, answer["result"]

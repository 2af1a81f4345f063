"""Asks for pages of machines, in a process of its own as every client is, and prints how long each took.

It reads one line of JSON: `url`, `ca` (a file), `user`, `password`, `requests` (how many).
"""

from __future__ import annotations

import json
import ssl
import sys
import time

import httpx

# In changing orders and with filters, as people ask.
_QUERIES: list[dict[str, str]] = [
    {},
    {"sort": "created_at", "descending": "true"},
    {"state": "running"},
    {"q": "vm-{digit}"},
]


def main() -> None:
    """Ask."""
    told = json.loads(sys.stdin.readline())
    tls = ssl.create_default_context(cafile=told["ca"])
    with httpx.Client(base_url=told["url"], verify=tls, timeout=60) as client:
        signed_in = client.post("/api/v1/sessions", json={name: told[name] for name in ("user", "password")})
        signed_in.raise_for_status()
        print(json.dumps([_timed(client, number) for number in range(told["requests"])]))


def _timed(client: httpx.Client, number: int) -> float:
    query = {name: word.format(digit=number % 10) for name, word in _QUERIES[number % len(_QUERIES)].items()}
    started = time.perf_counter()
    client.get("/api/v1/vms", params={"limit": "100", **query}).raise_for_status()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()

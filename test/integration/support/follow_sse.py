"""Prints the data of every server-sent event, a line each, and comes back with the last id after every break. argv: url, token."""
import sys
import time

import httpx
from httpx_sse import connect_sse

url, token = sys.argv[1:]
headers = {"Authorization": f"Bearer {token}"}
with httpx.Client(timeout=60, trust_env=False) as client:
    while True:
        try:
            with connect_sse(client, "GET", url, headers=headers) as source:
                source.response.raise_for_status()
                for event in source.iter_sse():
                    if event.event == "message" and event.data:
                        print(event.data, flush=True)
                    headers["Last-Event-ID"] = event.id
        except httpx.TransportError as error:
            print(repr(error), file=sys.stderr)
        time.sleep(0.05)

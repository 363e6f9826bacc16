"""Prints every message of one WebSocket, a line each, until so many records have come. argv: url, token, records."""
import asyncio
import json
import sys

import websockets


async def main(url, token, count):
    headers = {"Authorization": f"Bearer {token}"}
    async with websockets.connect(
        url, additional_headers=headers, subprotocols=["weir.v1"], max_size=None
    ) as socket:
        records = 0
        while records < count:
            text = await socket.recv()
            print(text, flush=True)
            records += json.loads(text)["type"] == "record"


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

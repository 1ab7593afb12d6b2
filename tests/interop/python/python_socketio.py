"""Checks python-socketio: `python python_socketio.py 5` or `4`, with the server's command in SERVER."""

import asyncio
import sys

import checks
from client import Peers, Setting
from runner import Runner, Server


async def main():
    version = int(sys.argv[1])
    runner = Runner(f"python-socketio {version}")
    serializers = ["default"] if version == 4 else ["default", "msgpack"]
    for kind in ("threads", "asyncio"):
        for serializer in serializers:
            for transport in ("polling", "websocket", "upgrade"):
                parser = ["--parser", "msgpack"] if serializer == "msgpack" else []
                for options, group in (([], checks.CHECKS), (["--heartbeat", "200"], checks.HEARTBEAT_CHECKS)):
                    server = Server(*parser, *options)
                    setting = Setting(version, kind, transport, serializer, server)
                    for check in group:
                        name = check.__name__.replace("_", " ")
                        await runner.check(f"{setting}: {name}", Peers(setting), check)
                    setting.server.end()
    runner.finish()


# The blocking client starts a thread for each message: it is to do what it has to before the next one runs.
sys.setswitchinterval(1)
asyncio.run(main())

"""Runs checks one after the other: a line for each that failed, and a summary."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import traceback

LIMIT = 10  # seconds; far longer than anything takes: it finds what never comes

#: `reference` or `jidda`: where jidda differs on purpose, a check asks for it.
TARGET = os.environ.get("TARGET", "reference")


class Runner:
    """ONLY=text runs the checks whose name has that text in it; TRACE=1 shows where one failed, TIMES=1 their times."""

    def __init__(self, subject):
        self.subject = subject
        self.only = os.environ.get("ONLY", "")
        self.passed = self.failed = 0

    async def check(self, name, session, body):
        name = f"{self.subject} {name}"
        if self.only not in name:
            return
        start = self.now()
        try:
            await asyncio.wait_for(body(session), LIMIT)
            self.passed += 1
        except asyncio.TimeoutError:
            self.fail(name, f"in vain: {', '.join(session.waiting)}")
        except Exception as error:
            self.fail(name, f"{type(error).__name__}: {error}")
        finally:
            await session.close()
            if os.environ.get("TIMES"):
                print(f"{self.now() - start:.0f} ms {name}")

    @staticmethod
    def now():
        return asyncio.get_running_loop().time() * 1000

    def fail(self, name, text):
        self.failed += 1
        print(f"FAILED {name}: {' '.join(text.split())[:1000]}", flush=True)
        if os.environ.get("TRACE"):
            traceback.print_exc(file=sys.stdout)

    def finish(self):
        print(f"{self.subject}: {self.passed} passed, {self.failed} failed", flush=True)
        for server in Server.running:
            server.process.kill()
        # Threads of clients that were not ended by what failed must not keep the process.
        os._exit(0 if self.failed == 0 else 1)


class Session:
    """What one check waits for."""

    def __init__(self):
        self.waiting = []
        self.loop = asyncio.get_running_loop()

    async def wait(self, what, future):
        self.waiting.append(what)
        result = await future
        self.waiting.remove(what)
        return result

    async def close(self):
        pass


class Inbox:
    """Values that came, in order, from whatever thread."""

    def __init__(self, session, what):
        self.session = session
        self.what = what
        self.queue = asyncio.Queue()
        self.all = []

    def put(self, value):
        def put():
            self.all.append(value)
            self.queue.put_nowait(value)

        self.session.loop.call_soon_threadsafe(put)

    async def next(self):
        return await self.session.wait(self.what, self.queue.get())

    async def find(self, fits):
        while True:
            value = await self.next()
            if fits(value):
                return value


def equal(actual, expected):
    # 1 is not 1.0, and the order of a map's entries counts.
    if repr(actual) != repr(expected):
        raise AssertionError(f"expected {expected!r}, got {actual!r}"[:800])


def among(actual, *expected):
    if actual not in expected:
        raise AssertionError(f"expected one of {expected!r}, got {actual!r}")


class Server:
    """The server under test: the command in SERVER, which `run.sh` sets, prints its address as its fourth word."""

    running = set()

    def __init__(self, *options, address="127.0.0.1:0"):
        program = os.environ["SERVER"].split()
        self.options = options
        Server.running.add(self)
        self.process = subprocess.Popen([*program, address, *options], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        listening = re.search(r"listens on tcp://(\S+)", line)
        if not listening:
            raise RuntimeError(f"the server did not start: {line}")
        self.address = listening[1]
        self.url = f"http://{self.address}"

    def end(self, number=signal.SIGKILL):
        """Ends the process; done when it is gone."""
        self.process.send_signal(number)
        self.process.wait()
        self.process.stdout.close()
        Server.running.discard(self)

    def again(self):
        """The same server again, at the same address."""
        return Server(*self.options, address=self.address)

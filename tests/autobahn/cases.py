"""Autobahn's test suite of WebSocket servers, for a raw resource of jidda (Python 2.7, as the suite is).

A raw resource is Engine.IO: each text begins with what kind of packet it is, and the first one is the server's. Both are
put on and taken off here, between the frames of the suite, which are otherwise as they are.
"""
import json
import os
import site
import sys

# As if it were installed there: its packages have namespaces, which a mere path does not make.
site.addsitedir(sys.argv.pop(1))

from autobahntestsuite import fuzzing
from twisted.internet import reactor

PASSED = ("OK", "NON-STRICT", "INFORMATIONAL")
TEXT = 1


BASE = fuzzing.FuzzingClientProtocol


class Protocol(BASE):
    begins_text = False

    def sendFrame(self, opcode, payload="", fin=True, rsv=0, mask=None, payload_len=None, chopsize=None, sync=False):
        if opcode == TEXT:
            if payload_len is not None:
                payload = (payload * (payload_len // len(payload) + 1))[:payload_len]
            payload, payload_len = "4" + payload, None
        BASE.sendFrame(
            self, opcode, payload, fin, rsv, mask, payload_len, chopsize, sync)

    def beginMessage(self, isBinary=False, doNotCompress=False):
        self.begins_text = not isBinary
        BASE.beginMessage(self, isBinary, doNotCompress)

    def beginMessageFrame(self, length):
        BASE.beginMessageFrame(self, length + self.begins_text)

    def sendMessageFrameData(self, payload, sync=False):
        if self.begins_text:
            payload, self.begins_text = "4" + payload, False
        return BASE.sendMessageFrameData(self, payload, sync)

    def onMessage(self, payload, binary):
        if binary:
            BASE.onMessage(self, payload, binary)
        elif payload.startswith("4"):
            BASE.onMessage(self, payload[1:], binary)


def main(address, folder):
    # Its factory makes them by this name.
    fuzzing.FuzzingClientProtocol = Protocol
    fuzzing.FuzzingClientFactory({
        "outdir": folder,
        "servers": [{
            "agent": "jidda",
            "url": "ws://%s/engine.io/?EIO=4&transport=websocket" % address,
            "options": {"version": 18},
        }],
        "cases": ["*"],
        # Compression is not offered by servers of jidda.
        "exclude-cases": ["12.*", "13.*"],
        "exclude-agent-cases": {},
    })
    reactor.run()
    with open(os.path.join(folder, "index.json")) as report:
        cases = json.load(report)["jidda"]
    failed = [(name, case) for name, case in sorted(cases.items())
              if case["behavior"] not in PASSED or case["behaviorClose"] not in PASSED]
    for name, case in failed:
        print("case %s: %s, at its end %s (%s)" % (
            name, case["behavior"], case["behaviorClose"], os.path.join(folder, case["reportfile"])))
    print("%d cases, %d failed" % (len(cases), len(failed)))
    sys.exit(1 if failed or len(cases) < 290 else 0)


main(*sys.argv[1:])

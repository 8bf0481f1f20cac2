"""A stand-in for superv: a real Unix socket, on which the test says what superv says."""

import json
import os
import pathlib
import socket
import sys
import tempfile
import time
import unittest

CLIENT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CLIENT))

PATIENCE = 5.0  # seconds after which a test fails rather than hangs


class Peer:
    """superv's end of one connection."""

    def __init__(self, connection):
        connection.settimeout(PATIENCE)
        self.connection = connection
        self.file = connection.makefile("rb")

    def read(self, method=None):
        """The next message; with `method` it has to be one of these."""
        line = self.file.readline()
        assert line.endswith(b"\n"), "the client closed the connection"
        message = json.loads(line)
        assert method in (None, message.get("method")), f"{method} was to come, not {message}"
        return message

    def send(self, *messages, **message):
        """Messages, or one given by its members; bytes as they are."""
        for each in messages or (message,):
            if not isinstance(each, bytes):
                each = json.dumps({"jsonrpc": "2.0", **each}).encode() + b"\n"
            self.connection.sendall(each)

    def hello(self, **result):
        """Answers the hello that comes, and returns what it said."""
        message = self.read("hello")
        self.send(id=message["id"], result={"protocol": 1, "name": "writer", **result})
        return message["params"]

    def answer(self, request, result):
        self.send(id=request["id"], result=result)

    def refuse(self, request, kind, code=-32010, retryable=False, after=None):
        data = {"kind": kind, "retryable": retryable, "retry_after_ms": after}
        self.send(id=request["id"], error={"code": code, "message": f"it is {kind}", "data": data})

    def handle(self, id, method, params=None, **more):
        more = {"from": "planner", "method": method, "params": params, "deadline_ms": 5000, **more}
        self.send(id=id, method="handle", params={"trace": TRACE, **more})

    def ended(self):
        """Whether the client has closed it."""
        return self.file.readline() == b""

    def close(self):
        # makefile keeps the descriptor open otherwise
        self.file.close()
        self.connection.close()


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def eventually(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.002)


class FakeSuperv:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "superv.sock")
        self.peers = []
        self.listen()

    def listen(self):
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.settimeout(PATIENCE)
        self.listener.bind(self.path)
        self.listener.listen(8)

    def accept(self):
        self.peers.append(Peer(self.listener.accept()[0]))
        return self.peers[-1]

    def go_away(self):
        """Ends all connections, and lets nobody in."""
        self.listener.close()
        os.unlink(self.path)
        for peer in self.peers:
            peer.close()

    def close(self):
        self.listener.close()
        for peer in self.peers:
            peer.close()
        self.folder.cleanup()


class FakeSupervTest(unittest.TestCase):
    """A test with a stand-in and no environment of a real superv."""

    def setUp(self):
        os.environ.pop("SUPERV_SOCKET", None)
        self.superv = FakeSuperv()
        self.addCleanup(self.superv.close)

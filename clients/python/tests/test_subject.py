"""The conformance subject, in both its kinds: that it obeys."""

import json
import os
import socket
import subprocess
import sys

import fake

SUBJECT = fake.CLIENT.parent / "conformance" / "subject.py"


class Subject(fake.FakeSupervTest):
    def begin(self, *flags):
        path = os.path.join(self.superv.folder.name, "conformance.sock")
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.settimeout(fake.PATIENCE)
        listener.bind(path)
        listener.listen(1)
        environment = {**os.environ, "SUPERV_SOCKET": self.superv.path, "CONFORMANCE_SOCKET": path}
        subject = subprocess.Popen([sys.executable, str(SUBJECT), *flags], env=environment)
        self.addCleanup(subject.wait)
        self.addCleanup(subject.kill)
        self.peer = self.superv.accept()
        self.peer.hello()
        self.script = fake.Peer(listener.accept()[0])
        self.addCleanup(self.script.close)
        return subject

    def tell(self, do, **command):
        self.script.connection.sendall(json.dumps({"n": do, "do": do, **command}).encode() + b"\n")

    def told(self, do, **command):
        self.tell(do, **command)
        answer = self.script.read()
        self.assertEqual(answer.pop("n"), do)
        return answer

    def test_both_kinds(self):
        for flags in ([], ["--asyncio"]):
            with self.subTest(flags=flags):
                subject = self.begin(*flags)
                self.obeys()
                self.peer.send(method="stop", params={"reason": "", "deadline_ms": 1000})
                self.assertEqual(subject.wait(fake.PATIENCE), 0)
                os.unlink(os.path.join(self.superv.folder.name, "conformance.sock"))

    def obeys(self):
        peer = self.peer
        self.assertEqual(self.told("ready"), {"ok": None})
        peer.read("ready")
        state = {"stopping": False, "supervised": True, "connected": True}
        self.assertEqual(self.told("state"), {"ok": state})

        token = self.told("op_begin", kind="x", expected_ms=10)["ok"]
        peer.read("op.begin")
        self.told("op_end", token=token)
        peer.read("op.end")

        self.tell("call", to="a", method="m", timeout_ms=1000)
        peer.refuse(peer.read("call"), "denied", -32006)
        error = {"kind": "denied", "code": -32006, "message": "it is denied", "retryable": False, "type": "Denied"}
        self.assertEqual(self.script.read(), {"n": "call", "error": error})

        token = self.told("start_call", to="a", method="m", timeout_ms=1000)["ok"]
        peer.read("call")
        self.told("cancel_call", token=token)
        peer.read("cancel")
        self.assertEqual(self.told("await_call", token=token)["error"]["kind"], "cancelled")

        peer.handle("1", "relay", {"to": "a", "method": "m", "timeout_ms": 9000})
        nested = peer.read("call")
        self.assertEqual(nested["params"]["trace"], fake.TRACE)
        peer.refuse(nested, "cycle", -32007)
        self.assertEqual(peer.read()["result"], {"kind": "cycle"})

        peer.handle("2", "slow", {"ms": 600_000})
        peer.handle("3", "fail", {"code": 7, "message": "no"})
        self.assertEqual(peer.read()["error"], {"code": 7, "message": "no"})
        peer.send(method="cancel", params={"id": "2"})
        fake.eventually(lambda: peer.handle("4", "cancelled") or peer.read()["result"] == 1)

        self.tell("monitor", agent="mayfly")
        peer.answer(peer.read("monitor"), {"monitor": 5})
        token = self.script.read()["ok"]
        peer.send(method="down", params={"monitor": 5, "agent": "mayfly", "incarnation": 1, "reason": "SIGKILL"})
        fake.eventually(lambda: self.told("downs")["ok"])
        self.assertEqual(self.told("downs")["ok"], [{"monitor": token, "agent": "mayfly", "incarnation": 1, "reason": "SIGKILL"}])

        self.tell("helper_call", to="a", method="m", params=1)
        helper = self.superv.accept()
        said = helper.read("hello")
        helper.refuse(said, "denied", -32006)
        self.assertIs(helper.hello()["serves"], False)
        helper.answer(helper.read("call"), 2)
        self.assertEqual(self.script.read()["ok"], 2)

        self.told("block", ms=200)
        peer.send(id="p1", method="ping")
        self.assertEqual(peer.read()["id"], "p1")
        self.assertEqual(self.told("no_such_command")["error"]["type"], "AttributeError")

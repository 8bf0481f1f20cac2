"""The protocol without a socket: what goes out for what comes in."""

import json
import math
import random
import unittest

import fake  # noqa: F401  finds superv
import superv


class Future:
    """Remembers nothing: `Core` only carries it."""


def online(**hello):
    core = superv.Core("test/1", serves=True)
    core.connected()
    said = sent(core)[0]
    receive(core, {"id": said["id"], "result": {"protocol": 1, "name": "writer", **hello}})
    return core


def sent(core):
    lines = bytes(core.outgoing).splitlines()
    core.outgoing.clear()
    return [json.loads(line) for line in lines]


def receive(core, *messages, now=0.0):
    lines = (json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n" for message in messages)
    return core.receive(b"".join(lines), now)


def request(core, deadline=10.0, now=0.0, **params):
    made = superv.Request("call", {"to": "a", "method": "m", "timeout_ms": 0, **params}, deadline)
    made.future = Future()
    core.request(made, now)
    return made


def handle(id, method="draft", **params):
    return {"id": id, "method": "handle", "params": {"from": "planner", "method": method, **params}}


class Lines(unittest.TestCase):
    def test_cut_anywhere_they_are_the_same(self):
        bytes_ = b'{"id":"p1","method":"ping"}\r\n\n{"id":2,"method":"ping"}\n'
        for cut in range(len(bytes_)):
            core = online()
            events = core.receive(bytes_[:cut], 0.0) + core.receive(bytes_[cut:], 0.0)
            self.assertEqual(events, [superv.Pinged("p1"), superv.Pinged(2)])

    def test_garbage_is_passed_over(self):
        core = online()
        for garbage in (
            b"this is not JSON", b"\xff\xfe", b"[]", b"[[[[", b"[" * 100_000, b"1", b"null", b'"x"', b"{}", b"",
            b'{"id":true,"result":1}', b'{"id":[1],"result":1}', b'{"id":{},"method":"ping"}', b'{"method":7}',
            b'{"method":"handle","params":[1]}', b'{"method":"cancel","params":{"id":[]}}', b'{"method":"down"}',
            b'{"id":1,"error":"no object"}', b'{"id":99,"result":1}', b'{"id":null,"error":{"message":"what?"}}',
            b'{"method":"stop","params":{"deadline_ms":"soon"}}', b'{"id":1.0,"result":{}}',
        ):  # fmt: skip
            core.receive(garbage + b"\n", 0.0)
        self.assertEqual(receive(core, {"id": 1, "method": "ping"}), [superv.Pinged(1)])

    def test_a_line_that_is_too_long_is_skipped_and_not_kept(self):
        core = online(message_max=4096)
        for _ in range(96):  # which ends where nothing is kept
            core.receive(b"x" * 1000, 0.0)
            self.assertLess(len(core._buffer), 4096 + 1024 + 1000)
        self.assertEqual(core.receive(b'{"id":0,"method":"ping"}\n{"id":1,"method":"ping"}\n', 0.0), [superv.Pinged(1)])

    def test_the_longest_line_is_taken(self):
        core = online(message_max=4096)
        line = json.dumps({"id": 1, "method": "ping", "params": {"x": ""}})
        line = line.replace('""', '"' + "x" * (4096 + 1024 - len(line)) + '"').encode()
        self.assertEqual(core.receive(line[:5000], 0.0) + core.receive(line[5000:] + b"\n", 0.0), [superv.Pinged(1)])

    def test_nothing_that_comes_is_too_strange(self):
        chance = random.Random(1)
        values = [None, True, 0, -1, 1e300, 10**400, "", "7", "call", [], [1], {}, {"kind": "timeout"}, {"monitor": []}]
        methods = ["handle", "cancel", "ping", "stop", "down", "monitor", "", None, 1]
        names = ["id", "method", "params", "result", "error", "from", "deadline_ms", "monitor", "agent", "incarnation"]
        names += ["reason", "data", "kind", "retry_after_ms", "code", "message", "trace", "task"]

        def strange(depth=0):
            made = {chance.choice(names): chance.choice(values) for _ in range(chance.randrange(6))}
            if depth < 2:
                made.update((chance.choice(names), strange(depth + 1)) for _ in range(2))
            return made

        core = online()
        for _ in range(5000):
            request(core)
            message = {**strange(), "method": chance.choice(methods)} if chance.random() < 0.7 else strange()
            for event in receive(core, message):
                if isinstance(event, superv.Arrived):
                    core.answer(event.call, 1)
            core.expire(0.0, all=True)
        self.assertEqual(receive(core, {"id": "end", "method": "ping"}), [superv.Pinged("end")])

    def test_an_unknown_request_is_answered(self):
        core = online()
        receive(core, {"id": "x", "method": "sing"})
        self.assertEqual(sent(core)[0]["error"]["code"], -32601)


class Hello(unittest.TestCase):
    def test_what_is_said_before_it_is_answered_waits(self):
        core = superv.Core("test/1", serves=True)
        core.tell("status", {"text": "early"})
        asked = request(core)
        core.connected()
        hello = sent(core)
        self.assertEqual([message["method"] for message in hello], ["hello"])
        self.assertEqual(hello[0]["params"], {"protocol": 1, "client": "test/1", "serves": True})
        receive(core, {"id": hello[0]["id"], "result": {}}, now=4.0)
        status, call = sent(core)
        self.assertEqual((status["method"], call["method"], call["id"]), ("status", "call", asked.id))
        self.assertEqual(call["params"]["timeout_ms"], 6000, "the time until the connection counts")

    def test_ready_goes_with_it(self):
        for ready in (True, False):
            core = superv.Core("test/1", serves=True)
            core.tell_ready(ready)
            core.connected()
            self.assertIs(sent(core)[0]["params"]["ready"], ready)

    def test_ready_while_it_is_on_its_way_is_said_after_it(self):
        core = superv.Core("test/1", serves=True)
        core.connected()
        hello = sent(core)[0]
        core.tell_ready(True)
        receive(core, {"id": hello["id"], "result": {}})
        self.assertEqual([message["method"] for message in sent(core)], ["ready"])

    def test_where_another_process_serves_it_only_asks(self):
        core = superv.Core("test/1", serves=True)
        core.connected()
        denied = {"code": -32006, "message": "another serves", "data": {"kind": "denied"}}
        receive(core, {"id": sent(core)[0]["id"], "error": denied})
        again = sent(core)[0]
        self.assertIs(again["params"]["serves"], False)
        receive(core, {"id": again["id"], "result": {}})
        self.assertIsNotNone(core.identity)

    def test_why_superv_let_nobody_in_is_what_calls_end_with(self):
        core = superv.Core("test/1", serves=True)
        core.connected()
        asked = request(core, deadline=1.0)
        receive(core, {"id": None, "error": {"code": -32006, "message": "this process belongs to no agent"}})
        core.lost()
        ended = core.expire(1.0)[0]
        self.assertIs(ended.request, asked)
        self.assertIsInstance(ended.error, superv.Unavailable)
        self.assertIn("belongs to no agent", ended.error.message)

    def test_what_waits_for_a_connection_is_bounded(self):
        core = superv.Core("test/1", serves=True)
        for _ in range(3000):
            core.tell("status", {"text": "x"})
        self.assertEqual(len(core._unsent), superv.UNSENT_MAX)
        core = superv.Core("test/1", serves=True)
        for _ in range(3):
            core.tell("status", {"text": "x" * 500_000})
        self.assertEqual(len(core._unsent), 2)
        core = superv.Core("test/1", serves=True)
        for _ in range(superv.CALLS_MAX):
            request(core)
        with self.assertRaises(superv.Overloaded):
            request(core)


class Requests(unittest.TestCase):
    def test_each_gets_its_answer(self):
        core = online()
        one, two = request(core), request(core)
        events = receive(core, {"id": two.id, "result": [2]}, {"id": one.id, "result": None})
        self.assertEqual(events, [(two, [2], None), (one, None, None)])
        self.assertEqual(receive(core, {"id": one.id, "result": "again"}), [])

    def test_the_end_of_the_connection_ends_them(self):
        core = online()
        asked = request(core)
        event = core.lost()[0]
        self.assertIs(event.request, asked)
        self.assertIsInstance(event.error, superv.Unavailable)
        self.assertEqual(sent(core), [])

    def test_superv_has_a_second_more_than_the_timeout(self):
        core = online()
        request(core, deadline=10.0)
        self.assertEqual(core.next_expiry, 11.0)
        self.assertEqual(core.expire(10.9), [])
        self.assertIsInstance(core.expire(11.0)[0].error, superv.Timeout)
        self.assertEqual(core.next_expiry, math.inf)

    def test_what_is_no_json_is_refused_and_leaves_nothing_behind(self):
        core = online()
        loop = []
        loop.append(loop)
        for params in (object(), float("nan"), "\ud800", {(1, 2): 3}, loop, {1, 2}):
            with self.assertRaises(superv.Invalid):
                request(core, params=params)
        self.assertEqual((sent(core), core._pending), ([], {}))

    def test_what_is_too_large_is_refused(self):
        core = online(message_max=4096)
        with self.assertRaises(superv.TooLarge):
            request(core, params="x" * 5000)
        request(core, params="x" * 3000)
        self.assertEqual(len(sent(core)), 1)

    def test_what_superv_does_not_read_does_not_pile_up(self):
        core = online(message_max=1 << 22)
        with self.assertRaises(superv.Overloaded):
            for _ in range(4):
                request(core, params="x" * 4_000_000)
        for _ in range(4):
            core.tell("status", {"text": "x" * 4_000_000})
        self.assertLess(len(core.outgoing), superv.OUTGOING_MAX + (1 << 23))

    def test_cancel_is_told_once(self):
        core = online()
        asked = request(core)
        self.assertTrue(core.cancel(asked))
        self.assertFalse(core.cancel(asked))
        call, cancel = sent(core)
        self.assertEqual((cancel["method"], cancel["params"]), ("cancel", {"id": call["id"]}))


class Errors(unittest.TestCase):
    def test_every_kind_has_a_class_and_comes_back_as_it_went(self):
        self.assertEqual(len(superv.KINDS), 12)
        for kind, error in superv.KINDS.items():
            back = superv.SupervError.from_wire(error("why", retry_after=0.25).to_wire())
            self.assertIs(type(back), error)
            self.assertEqual((back.kind, back.message, back.retry_after), (kind, "why", 0.25))
            self.assertEqual((back.code, back.retryable), (error.code, error.retryable))

    def test_what_superv_says_counts_more_than_what_the_class_says(self):
        error = superv.SupervError.from_wire({"code": -1, "message": "", "data": {"kind": "timeout", "retryable": False}})
        self.assertEqual((type(error), error.code, error.retryable), (superv.Timeout, -1, False))

    def test_without_a_kind_it_is_the_callee_s_own(self):
        for data in (None, "text", [1], {"kind": "sunk"}, {"kind": []}, {"retryable": True, "retry_after_ms": 500}):
            error = superv.SupervError.from_wire({"code": 7, "message": "no", "data": data})
            self.assertIs(type(error), superv.RemoteError)
            self.assertEqual((error.code, error.message, error.data), (7, "no", data))
        self.assertEqual((error.retryable, error.retry_after), (True, 0.5))

    def test_an_error_that_is_none(self):
        for error in (None, [], "no", {"code": "x"}, {"data": {"retry_after_ms": "soon"}}):
            self.assertIsInstance(superv.SupervError.from_wire(error), superv.RemoteError)


class Policies(unittest.TestCase):
    def test_reconnecting_waits_longer_each_time(self):
        core = superv.Core("test/1", serves=True)
        delays = []
        for _ in range(40):
            core.lost()
            delays.append((core.reconnect_delay(0.0), core.reconnect_delay(1.0)))
        self.assertEqual(delays[:4], [(0.1, 0.05), (0.2, 0.1), (0.4, 0.2), (0.8, 0.4)])
        self.assertEqual(delays[6:], [(5.0, 2.5)] * 34)

    def test_only_a_hello_begins_anew(self):
        core = superv.Core("test/1", serves=True)
        for _ in range(3):
            core.connected()
            core.lost()
        self.assertEqual(core.failures, 3)
        core.connected()
        receive(core, {"id": sent(core)[-1]["id"], "result": {}})
        core.lost()
        self.assertEqual(core.reconnect_delay(0.0), 0.1)

    def test_retries(self):
        busy, wrong = superv.Overloaded(), superv.Invalid()
        self.assertIsNone(superv.retry_delay(wrong, 1, 5, 10.0, 1.0), "not retryable")
        self.assertIsNone(superv.retry_delay(busy, 1, 1, 10.0, 1.0), "no attempt left")
        self.assertIsNone(superv.retry_delay(busy, 8, 9, 10.0, 1.0), "no time left")
        self.assertEqual([superv.retry_delay(busy, k, 5, 10.0, 1.0) for k in (1, 2, 3)], [0.1, 0.2, 0.4])
        self.assertEqual(superv.retry_delay(busy, 3, 5, 10.0, 0.0), 0.0)
        self.assertEqual(superv.retry_delay(superv.NotReady(retry_after=2.0), 1, 5, 10.0, 0.5), 2.0)
        self.assertIsNone(superv.retry_delay(superv.NotReady(retry_after=11.0), 1, 5, 10.0, 0.5))


class Served(unittest.TestCase):
    def arrived(self, core, *messages, now=0.0):
        return [event.call for event in receive(core, *messages, now=now)]

    def test_what_a_handler_is_told(self):
        (call,) = self.arrived(online(), handle("7", params=[1], deadline_ms=2500, task="t", trace="00-…"), now=100.0)
        self.assertEqual((call.sender, call.method, call.params), ("planner", "draft", [1]))
        self.assertEqual((call.task, call.trace, call.deadline), ("t", "00-…", 102.5))

    def test_an_answer_goes_out_once(self):
        core = online()
        (call,) = self.arrived(core, handle("7"))
        core.answer(call, {"text": "owls"})
        core.answer(call, "again")
        self.assertEqual(sent(core), [{"jsonrpc": "2.0", "id": "7", "result": {"text": "owls"}}])

    def test_a_cast_is_not_answered(self):
        core = online()
        (call,) = self.arrived(core, {"method": "handle", "params": {"from": "a", "method": "note"}})
        self.assertEqual(call.deadline, math.inf)
        core.answer(call, 1)
        self.assertEqual(sent(core), [])

    def test_after_a_new_connection_the_old_answer_is_dropped(self):
        core = online()
        (call,) = self.arrived(core, handle("7"))
        core.lost()
        core.connected()
        receive(core, {"id": sent(core)[0]["id"], "result": {}})
        (other,) = self.arrived(core, handle("7"))
        core.answer(call, "old")
        core.answer(other, "new")
        self.assertEqual([message["result"] for message in sent(core)], ["new"])
        self.assertFalse(call.cancelled)

    def test_a_withdrawn_call_takes_along_what_was_asked_for_it(self):
        core = online()
        (call,) = self.arrived(core, handle("7"))
        nested, other = request(core), request(core)
        nested.parent = call
        sent(core)
        settled, withdrawn = receive(core, {"method": "cancel", "params": {"id": "7"}})
        self.assertIs(settled.request, nested)
        self.assertIsInstance(settled.error, superv.Cancelled)
        self.assertEqual(withdrawn, superv.Withdrawn(call))
        self.assertTrue(call.cancelled)
        self.assertEqual([message["params"] for message in sent(core)], [{"id": nested.id}])
        self.assertIn(other.id, core._pending)
        core.answer(call, "late")
        self.assertEqual(sent(core), [])

    def test_an_answer_that_cannot_be_sent_becomes_an_error(self):
        core = online(message_max=4096)
        large, strange = self.arrived(core, handle("1"), handle("2"))
        core.answer(large, "x" * 5000)
        core.answer(strange, object())
        large, strange = (message["error"] for message in sent(core))
        self.assertEqual((large["code"], large["data"]["kind"]), (-32008, "too_large"))
        self.assertEqual(strange["code"], -32603)
        self.assertNotIn("data", strange)


class Monitors(unittest.TestCase):
    def watched(self, core, number, agent="mayfly"):
        monitor = superv.Monitor(agent, print)
        asked = core.watch(monitor, 5.0)
        core.request(asked, 0.0)
        sent(core)
        receive(core, {"id": asked.id, "result": {"monitor": number}})
        return monitor

    def down(self, number, agent="mayfly"):
        return {"method": "down", "params": {"monitor": number, "agent": agent, "incarnation": 3, "reason": "SIGKILL"}}

    def again(self, core):
        """What a new connection monitors."""
        core.lost()
        core.connected()
        receive(core, {"id": sent(core)[0]["id"], "result": {}})
        return sent(core)

    def test_it_fires_once(self):
        core = online()
        monitor = self.watched(core, 4)
        fell = receive(core, self.down(5), self.down(4), self.down(4))
        self.assertEqual(fell, [superv.Fell(monitor, superv.Down("mayfly", 3, "SIGKILL"))])
        self.assertEqual(self.again(core), [])

    def test_it_outlives_the_connection(self):
        core = online()
        monitor = self.watched(core, 4)
        (asked,) = self.again(core)
        self.assertEqual((asked["method"], asked["params"]), ("monitor", {"agent": "mayfly"}))
        receive(core, {"id": asked["id"], "result": {"monitor": 1}})
        self.assertEqual(receive(core, self.down(4)), [])
        self.assertEqual(receive(core, self.down(1))[0].monitor, monitor)

    def test_an_agent_of_several_fires_for_each(self):
        core = online()
        self.watched(core, 4)
        self.assertEqual(len(receive(core, self.down(4, "mayfly:0"), self.down(4, "mayfly:1"))), 2)
        self.assertEqual(len(self.again(core)), 1)

    def test_one_that_cannot_be_renewed_fires(self):
        core = online()
        monitor = self.watched(core, 4)
        (asked,) = self.again(core)
        gone = {"code": -32602, "message": "nobody is called mayfly", "data": {"kind": "no_such_agent"}}
        fell = [event for event in receive(core, {"id": asked["id"], "error": gone}) if isinstance(event, superv.Fell)]
        self.assertEqual(fell, [superv.Fell(monitor, superv.Down("mayfly", None, "nobody is called mayfly"))])
        self.assertEqual(self.again(core), [])

    def test_demonitor_ends_it_at_any_time(self):
        core = online()
        monitor = self.watched(core, 4)
        core.unwatch(monitor)
        self.assertEqual(sent(core)[0]["params"], {"monitor": 4})
        self.assertEqual(receive(core, self.down(4)), [])
        monitor = self.watched(core, 5)
        (asked,) = self.again(core)
        core.unwatch(monitor)
        receive(core, {"id": asked["id"], "result": {"monitor": 1}})
        self.assertEqual(sent(core)[0]["method"], "demonitor")


if __name__ == "__main__":
    unittest.main()

"""The agent for threads, over a real socket; the test's own thread plays superv."""

import contextlib
import io
import os
import signal
import threading

import fake
import superv
from fake import eventually


class AgentTest(fake.FakeSupervTest):
    def setUp(self):
        super().setUp()
        self.agent = superv.Agent(path=self.superv.path)
        self.addCleanup(self.agent.close)
        self.peer = self.superv.accept()

    def hello(self, **result):
        said = self.peer.hello(**result)
        eventually(lambda: self.agent.connected)
        return said

    def run_agent(self, **options):
        """Serves on a thread of its own, which ends before the test does."""
        runner = threading.Thread(target=self.agent.run, kwargs=options, daemon=True)
        runner.start()
        self.addCleanup(runner.join, fake.PATIENCE)
        self.addCleanup(self.agent.close)
        return runner


class Telling(AgentTest):
    def test_everything_that_is_told(self):
        agent = self.agent
        agent.ready()
        agent.status("40 of 200 pages")
        self.assertIs(self.hello().get("ready", True), True)
        agent.not_ready("reloading " + "é" * 600)
        agent.heartbeat()
        agent.heartbeat("page 41")
        agent.heartbeat(41)
        with agent.op("summarise", expected=30.0):
            agent.log("info", "fetched", url="http://127.0.0.1/a", ms=12, at=os, task="t-17", level="low")
        said = []
        while not said or said[-1]["method"] != "op.end":
            said.append(self.peer.read())
        self.assertTrue(all("id" not in message for message in said))
        said = [(message["method"], message.get("params")) for message in said if message["method"] != "ready"]
        op = said[5][1]["op"]
        self.assertEqual(said[0], ("status", {"text": "40 of 200 pages"}))
        self.assertEqual(said[1][0], "not_ready")
        self.assertLessEqual(len(said[1][1]["reason"].encode()), 512)
        self.assertEqual(said[2:5], [("heartbeat", None), ("heartbeat", {"progress": "page 41"})] + [
            ("heartbeat", {"progress": 41})])
        self.assertEqual(said[5], ("op.begin", {"op": op, "kind": "summarise", "expected_ms": 30000}))
        fields = {"url": "http://127.0.0.1/a", "ms": 12, "at": repr(os), "level": "low"}
        self.assertEqual(said[6][1], {"level": "info", "message": "fetched", "fields": fields, "task": "t-17"})
        self.assertEqual(said[7], ("op.end", {"op": op}))

    def test_an_operation_ends_with_an_exception_too(self):
        self.hello()
        with contextlib.suppress(KeyError), self.agent.op("x"):
            raise KeyError
        self.assertEqual([self.peer.read()["method"] for _ in "12"], ["op.begin", "op.end"])

    def test_a_level_that_there_is_not(self):
        with self.assertRaisesRegex(superv.Invalid, "warning"):
            self.agent.log("warn", "x")

    def test_telling_never_waits_for_superv(self):
        self.hello()
        for _ in range(40):
            self.agent.status("x")
            self.agent.log("info", "x" * 500_000)
        self.assertLess(len(self.agent._core.outgoing), superv.OUTGOING_MAX + 500_100)
        self.assertEqual(self.peer.read("status")["params"], {"text": "x"})

    def test_too_large(self):
        self.hello(message_max=4096)
        with self.assertRaises(superv.TooLarge):
            self.agent.log("info", "x" * 5000)
        with self.assertRaises(superv.TooLarge):
            self.agent.call("a", "m", "x" * 5000)
        self.agent.status("still here")
        self.peer.read("status")


class Calling(AgentTest):
    def call(self, *arguments, **options):
        return self.agent.submit_call("writer", "draft", *arguments, **options)

    def test_a_result(self):
        self.hello()
        future = self.call({"topic": "owls"}, timeout=5.0, task="t-17")
        asked = self.peer.read("call")
        self.assertLessEqual(asked["params"].pop("timeout_ms"), 5000)
        self.assertEqual(
            asked["params"], {"to": "writer", "method": "draft", "params": {"topic": "owls"}, "task": "t-17"})
        self.peer.answer(asked, {"text": "Owls are…"})
        self.assertEqual(future.result(fake.PATIENCE), {"text": "Owls are…"})

    def test_answers_come_in_any_order(self):
        self.hello()
        futures = [self.call(number) for number in range(50)]
        for asked in reversed([self.peer.read("call") for _ in futures]):
            self.peer.answer(asked, asked["params"].get("params"))
        self.assertEqual([future.result(fake.PATIENCE) for future in futures], list(range(50)))

    def test_many_threads_call_at_once(self):
        self.hello()
        results = []
        threads = [threading.Thread(target=lambda n=n: results.append((n, self.agent.call("a", "m", n)))) for n in range(20)]
        for thread in threads:
            thread.start()
        for _ in threads:
            asked = self.peer.read("call")
            self.peer.answer(asked, -asked["params"]["params"])
        for thread in threads:
            thread.join(fake.PATIENCE)
        self.assertEqual(sorted(results), [(n, -n) for n in range(20)])

    def test_an_error(self):
        self.hello()
        future = self.call()
        asked = self.peer.read("call")
        self.assertNotIn("params", asked["params"])
        self.peer.refuse(asked, "circuit_open", -32005, True, 12_500)
        with self.assertRaises(superv.CircuitOpen) as raised:
            future.result(fake.PATIENCE)
        self.assertEqual((raised.exception.retryable, raised.exception.retry_after), (True, 12.5))

    def test_attempts(self):
        self.hello()
        answers = []
        caller = threading.Thread(target=lambda: answers.append(self.agent.call("a", "m", attempts=3)))
        caller.start()
        self.peer.refuse(self.peer.read("call"), "overloaded", -32004, True, 1)
        self.peer.refuse(self.peer.read("call"), "agent_died", -32003, True)
        self.peer.answer(self.peer.read("call"), "third")
        caller.join(fake.PATIENCE)
        self.assertEqual(answers, ["third"])

    def test_cancel(self):
        self.hello()
        future = self.call()
        asked = self.peer.read("call")
        self.assertTrue(future.cancel())
        self.assertFalse(future.cancel())
        self.assertEqual(self.peer.read("cancel")["params"], {"id": asked["id"]})
        with self.assertRaises(superv.Cancelled):
            future.result(fake.PATIENCE)
        self.peer.answer(asked, "late")
        other = self.call()
        self.peer.answer(self.peer.read("call"), "in time")
        self.assertEqual(other.result(fake.PATIENCE), "in time")

    def test_a_superv_that_never_answers(self):
        superv.PATIENCE, patience = 0.05, superv.PATIENCE
        self.addCleanup(setattr, superv, "PATIENCE", patience)
        self.hello()
        with self.assertRaises(superv.Timeout):
            self.agent.call("a", "m", timeout=0.05)

    def test_a_superv_that_never_answers_hello(self):
        with self.assertRaises(superv.Unavailable):
            self.agent.call("a", "m", timeout=0.05)
        with self.assertRaises(superv.Timeout):
            self.agent.call("a", "m", timeout=0)

    def test_waiting_where_nobody_could_answer_is_refused(self):
        self.hello()
        errors = []

        def done(_):
            try:
                self.agent.call("a", "m")
            except RuntimeError as error:
                errors.append(error)

        self.call().add_done_callback(done)
        self.peer.answer(self.peer.read("call"), 1)
        eventually(lambda: errors)

    def test_cast(self):
        self.hello()
        errors = []

        def cast():
            self.agent.cast("writer", "note", ["owls"])
            try:
                self.agent.cast("vault", "note")
            except superv.SupervError as error:
                errors.append(error)

        caster = threading.Thread(target=cast)
        caster.start()
        asked = self.peer.read("cast")
        self.assertEqual(asked["params"], {"to": "writer", "method": "note", "params": ["owls"]})
        self.peer.answer(asked, {})
        self.peer.refuse(self.peer.read("cast"), "denied", -32006)
        caster.join(fake.PATIENCE)
        self.assertIsInstance(errors[0], superv.Denied)

    def test_close_ends_what_waits(self):
        self.hello()
        future = self.call()
        self.peer.read("call")
        self.agent.close()
        for ended in (future, self.call()):
            with self.assertRaises(superv.Unavailable):
                ended.result(fake.PATIENCE)
        self.assertTrue(self.peer.ended())
        self.assertFalse(self.agent.running())
        self.agent.run()
        self.agent.ready()
        self.agent.close()


class Loop(AgentTest):
    def test_only_the_loop_answers_a_ping(self):
        self.hello()
        self.peer.send(id="p1", method="ping")
        eventually(lambda: self.agent._pings)
        self.agent.status("busy")  # the connection works, and yet:
        self.peer.read("status")
        self.assertTrue(self.agent.running())
        self.assertEqual(self.peer.read(), {"jsonrpc": "2.0", "id": "p1", "result": {}})

    def test_a_busy_handler_is_not_alive(self):
        begun, go_on = threading.Event(), threading.Event()
        self.agent.handle("draft", lambda params, call: begun.set() or go_on.wait(fake.PATIENCE))
        self.run_agent()
        self.hello()
        self.peer.send(id="p1", method="ping")
        self.assertEqual(self.peer.read()["id"], "p1")
        self.peer.handle("7", "draft")
        self.assertTrue(begun.wait(fake.PATIENCE))
        self.peer.send(id="p2", method="ping")
        eventually(lambda: self.agent._pings)
        go_on.set()
        self.assertEqual([self.peer.read()["id"] for _ in "12"], ["7", "p2"])

    def test_with_a_pool_it_is(self):
        go_on = threading.Event()
        self.agent.handle("draft", lambda params, call: go_on.wait(fake.PATIENCE))
        self.run_agent(threads=2)
        self.hello()
        self.peer.handle("7", "draft")
        self.peer.send(id="p1", method="ping")
        self.assertEqual(self.peer.read()["id"], "p1")
        go_on.set()
        self.assertEqual(self.peer.read(), {"jsonrpc": "2.0", "id": "7", "result": True})

    def test_running_waits_for_a_stop(self):
        self.hello()
        self.peer.send(id="p1", method="ping")
        threading.Timer(0.05, self.peer.send, kwargs={"method": "stop", "params": {"reason": "it ends"}}).start()
        self.assertFalse(self.agent.running(wait=fake.PATIENCE))
        self.assertEqual(self.peer.read()["id"], "p1")
        self.assertTrue(self.agent.stopping)
        self.assertEqual(self.agent.stop_reason, "it ends")

    def test_stop_calls_its_functions_and_lets_what_came_before_finish(self):
        called = []
        self.agent.on_stop(lambda: 1 / 0)
        self.agent.on_stop(lambda: called.append("early"))
        self.agent.handle("draft", lambda params, call: params)
        self.hello()
        self.peer.handle("1", "draft", 1)
        self.peer.handle("2", "draft", 2)
        with contextlib.redirect_stderr(io.StringIO()):
            self.peer.send(method="stop", params={"reason": "it ends", "deadline_ms": 5000})
            eventually(lambda: self.agent.stopping)
            self.run_agent().join(fake.PATIENCE)
            self.assertEqual([self.peer.read()["result"] for _ in "12"], [1, 2])
            self.agent.on_stop(lambda: called.append("late"))
            eventually(lambda: called == ["early", "late"])

    def test_stop_waits_for_a_pool(self):
        go_on = threading.Event()
        self.agent.handle("draft", lambda params, call: go_on.wait(fake.PATIENCE))
        self.hello()
        runner = self.run_agent(threads=3)
        self.peer.handle("1", "draft")
        eventually(lambda: self.agent._busy)
        self.peer.send(method="stop", params={})
        eventually(lambda: self.agent.stopping)
        runner.join(0.05)
        self.assertTrue(runner.is_alive())
        go_on.set()
        self.assertEqual(self.peer.read()["result"], True)
        runner.join(fake.PATIENCE)
        self.assertFalse(runner.is_alive())


class Handling(AgentTest):
    def test_what_handlers_do_is_what_callers_get(self):
        agent = self.agent
        agent.handle("echo", lambda params, call: params)
        agent.handle("none", lambda params, call: None)
        agent.handle("crash", lambda params, call: {}["owls"])
        agent.handle("strange", lambda params, call: object())

        @agent.handler("whoami")
        def whoami(params, call):
            return [call.sender, call.task, call.trace, 4.0 < call.remaining() <= 5.0, call.cancelled]

        @agent.handler("fail")
        def fail(params, call):
            raise superv.RemoteError(42, "no owls", {"seen": 0})

        @agent.handler("busy")
        def busy(params, call):
            raise superv.Overloaded("three owls already", retry_after=1.5)

        self.run_agent()
        self.hello()
        expected = {
            "echo": {"result": [1, "é\n"]},
            "none": {"result": None},
            "whoami": {"result": ["planner", "t-17", fake.TRACE, True, False]},
            "fail": {"error": {"code": 42, "message": "no owls", "data": {"seen": 0}}},
            "busy": {"error": superv.Overloaded("three owls already", retry_after=1.5).to_wire()},
            "crash": {"error": {"code": -32603, "message": "KeyError: 'owls'"}},
            "sing": {"error": {"code": -32601, "message": "there is no method 'sing'"}},
        }
        with contextlib.redirect_stderr(io.StringIO()) as stderr:
            for method, answer in expected.items():
                self.peer.handle(method, method, [1, "é\n"], task="t-17")
                self.assertEqual(self.peer.read(), {"jsonrpc": "2.0", "id": method, **answer})
        self.assertIn("KeyError: 'owls'", stderr.getvalue())
        self.assertEqual(stderr.getvalue().count("Traceback"), 1)
        self.peer.handle("strange", "strange")
        self.assertEqual(self.peer.read()["error"]["code"], -32603)

    def test_a_cast_is_handled_and_not_answered(self):
        seen = []
        self.agent.handle("note", lambda params, call: seen.append((params, call.remaining())))
        self.run_agent()
        self.hello()
        self.peer.send(method="handle", params={"from": "planner", "method": "note", "params": 1})
        eventually(lambda: seen)
        self.peer.send(id="p1", method="ping")
        self.assertEqual(self.peer.read()["id"], "p1", "and no answer before it")
        self.assertEqual(seen, [(1, float("inf"))])

    def test_nested_calls_pass_trace_and_task_and_ask_for_no_more_time_than_is_left(self):
        @self.agent.handler("draft")
        def draft(params, call):
            self.agent.log("info", "asking")
            return self.agent.call("researcher", "look_up", timeout=60.0)

        self.run_agent(threads=2)
        self.hello()
        self.peer.handle("7", "draft", task="t-17", deadline_ms=2000)
        self.assertEqual(self.peer.read("log")["params"]["task"], "t-17")
        asked = self.peer.read("call")
        self.assertLessEqual(asked["params"].pop("timeout_ms"), 2000)
        expected = {"to": "researcher", "method": "look_up", "trace": fake.TRACE, "task": "t-17"}
        self.assertEqual(asked["params"], expected)
        self.peer.refuse(asked, "cycle", -32007)
        self.assertEqual(self.peer.read()["error"]["data"]["kind"], "cycle")
        self.agent.submit_call("researcher", "look_up")
        self.assertNotIn("trace", self.peer.read("call")["params"])

    def test_a_cancel_is_seen_and_ends_nested_calls(self):
        seen = []

        @self.agent.handler("draft")
        def draft(params, call):
            try:
                self.agent.call("researcher", "look_up")
            finally:
                seen.append(call.cancelled)

        self.run_agent()
        self.hello()
        self.peer.handle("7", "draft")
        asked = self.peer.read("call")
        self.peer.handle("8", "draft")
        self.peer.send({"method": "cancel", "params": {"id": "8"}}, {"method": "cancel", "params": {"id": "7"}})
        self.assertEqual(self.peer.read("cancel")["params"], {"id": asked["id"]})
        self.peer.send(id="p1", method="ping")
        self.assertEqual(self.peer.read()["id"], "p1", "neither is answered, and the second never begins")
        self.assertEqual(seen, [True])


class Reconnecting(AgentTest):
    def test_state_is_restored_and_what_was_in_flight_is_not(self):
        downs = []
        self.hello()
        self.agent.ready()
        self.peer.read("ready")
        watcher = threading.Thread(target=lambda: self.agent.monitor("mayfly", downs.append))
        watcher.start()
        self.peer.answer(self.peer.read("monitor"), {"monitor": 7})
        watcher.join(fake.PATIENCE)
        future = self.agent.submit_call("a", "m")
        self.peer.read("call")
        self.superv.go_away()
        with self.assertRaises(superv.Unavailable):
            future.result(fake.PATIENCE)
        self.assertFalse(self.agent.connected)
        self.agent.status("waits")
        waiting = self.agent.submit_call("a", "m")
        self.superv.listen()
        self.peer = self.superv.accept()
        self.assertIs(self.hello()["ready"], True)
        monitor = self.peer.read("monitor")
        self.assertEqual(monitor["params"], {"agent": "mayfly"})
        self.peer.answer(monitor, {"monitor": 1})
        self.peer.read("status")
        self.peer.answer(self.peer.read("call"), "after all")
        self.assertEqual(waiting.result(fake.PATIENCE), "after all")
        self.peer.send(method="down", params={"monitor": 1, "agent": "mayfly", "incarnation": 2, "reason": "exit code 1"})
        eventually(lambda: downs)
        self.assertEqual(downs, [superv.Down("mayfly", 2, "exit code 1")])

    def test_what_a_handler_answers_after_it_is_dropped(self):
        go_on = threading.Event()
        self.agent.handle("draft", lambda params, call: go_on.wait(fake.PATIENCE))
        self.run_agent()
        self.hello()
        self.peer.handle("7", "draft")
        eventually(lambda: not self.agent._calls and self.agent._core._serving)
        self.peer.close()
        self.peer = self.superv.accept()
        self.hello()
        go_on.set()
        self.peer.send(id="p1", method="ping")
        self.assertEqual(self.peer.read()["id"], "p1")

    def test_garbage_changes_nothing(self):
        self.hello()
        self.peer.send(b"\x00\xff\n", b"{" * 5000 + b"\n", b"x" * (1 << 21) + b"\n", b"[]\n")
        future = self.agent.submit_call("a", "m")
        self.peer.answer(self.peer.read("call"), 1)
        self.assertEqual(future.result(fake.PATIENCE), 1)


class Forking(AgentTest):
    def test_the_child_has_a_connection_of_its_own_by_which_it_only_asks(self):
        self.hello()
        child = os.fork()
        if child == 0:
            try:
                os._exit(self.agent.call("a", "m", timeout=5.0) if self.agent.running() else 1)
            finally:
                os._exit(2)
        peer = self.superv.accept()
        said = peer.hello()
        self.assertIs(said["serves"], False)
        self.assertNotIn("ready", said)
        peer.answer(peer.read("call"), 33)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 33)
        self.assertTrue(peer.ended())
        self.agent.status("and the parent's is as it was")
        self.peer.read("status")

    def test_a_child_that_says_nothing_has_none(self):
        self.hello()
        with self.agent._lock:  # held by another thread, say
            child = os.fork()
            if child == 0:
                os._exit(0)
        os.waitpid(child, 0)
        self.superv.listener.settimeout(0.05)
        with self.assertRaises(OSError):
            self.superv.accept()
        self.agent.status("here")
        self.peer.read("status")


class Signals(AgentTest):
    def test_who_is_interrupted_while_it_waits_gives_the_call_up(self):
        def interrupt(*_):
            raise KeyboardInterrupt

        self.hello()
        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, interrupt))
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with self.assertRaises(KeyboardInterrupt):
            self.agent.call("a", "m")
        asked = self.peer.read("call")
        self.assertEqual(self.peer.read("cancel")["params"], {"id": asked["id"]})

    def test_a_handler_of_a_signal_may_tell_something_at_any_moment(self):
        self.hello()
        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, lambda *_: self.agent.status("x")))
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
        for _ in range(5000):
            self.agent.heartbeat()
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.agent.status("end")
        beats = 0
        while (message := self.peer.read()).get("params") != {"text": "end"}:
            beats += message["method"] == "heartbeat"
        self.assertEqual(beats, 5000)


class OutsideSuperv(fake.FakeSupervTest):
    def test_the_same_script_runs_by_hand(self):
        with superv.start() as agent:
            self.assertFalse(agent.supervised or agent.connected or agent.stopping)
            agent.not_ready("x")
            agent.status("x")
            agent.heartbeat(1)
            agent.log("info", "x", a=1)
            with agent.op("x"):
                self.assertTrue(agent.running())
            self.assertTrue(agent.running(wait=0.01))
            for ask in (agent.call, agent.cast):
                with self.assertRaisesRegex(superv.Unavailable, "SUPERV_SOCKET"):
                    ask("a", "m")
            with self.assertRaises(superv.Unavailable):
                agent.monitor("a", print)
            self.assertIsNone(agent._thread)
        self.assertFalse(agent.running())


class Starting(fake.FakeSupervTest):
    def test_three_lines(self):
        os.environ["SUPERV_SOCKET"] = self.superv.path
        self.addCleanup(os.environ.pop, "SUPERV_SOCKET")
        agent = superv.start()
        self.addCleanup(agent.close)
        peer = self.superv.accept()
        if not peer.hello().get("ready"):
            peer.read("ready")
        self.assertTrue(agent.running())
        peer.send(method="stop", params={"reason": "", "deadline_ms": 5000})
        while agent.running(wait=0.01):
            pass

    def test_superv_may_come_later(self):
        self.superv.go_away()
        with superv.Agent(path=self.superv.path) as agent:
            future = agent.submit_call("a", "m")
            eventually(lambda: agent._core.failures)
            self.superv.listen()
            peer = self.superv.accept()
            peer.hello()
            peer.answer(peer.read("call"), 1)
            self.assertEqual(future.result(fake.PATIENCE), 1)

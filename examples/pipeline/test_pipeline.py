"""The pipeline without superv: `python3 -m unittest discover examples/pipeline`.

The programs are real; in between stands a few lines' worth of router, one socket for each agent.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
CLIENT = HERE.parent.parent / "clients" / "python"
sys.path[:0] = [str(HERE), str(CLIENT)]

import llm  # noqa: E402
import model  # noqa: E402
import superv  # noqa: E402

PATIENCE = 10.0
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Caller:
    """A call as `complete` sees it."""

    def __init__(self, seconds=PATIENCE):
        self.deadline = time.monotonic() + seconds
        self.cancelled = False

    def remaining(self):
        return max(0.0, self.deadline - time.monotonic())


class ModelTest(unittest.TestCase):
    def setUp(self):
        os.environ.pop("SUPERV_SOCKET", None)
        self.agent = superv.Agent()
        self.server = model.Model(0, self.agent)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        serving = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(serving.join)
        self.addCleanup(self.server.shutdown)
        self.addCleanup(self.server.mood.set, "ok")

    def post(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


class TheModel(ModelTest):
    def test_a_mode_holds_for_so_many_completions(self):
        self.assertEqual(self.post("/mode", {"mode": 500, "count": 2})[0], 200)
        statuses = [self.post("/complete", {"prompt": "owls"})[0] for _ in range(3)]
        self.assertEqual(statuses, [500, 500, 200])

    def test_what_it_does_not_take(self):
        for path, body in (("/mode", {"mode": "sulk"}), ("/mode", {"mode": "ok", "count": 0}), ("/complete", [])):
            self.assertEqual(self.post(path, body)[0], 400)
        self.assertEqual(self.post("/nowhere", {})[0], 404)

    def test_health(self):
        self.assertEqual(urllib.request.urlopen(self.url + "/health").status, 200)
        self.server.mood.set("sick")
        with self.assertRaises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(self.url + "/health")
        raised.exception.close()
        self.assertEqual(raised.exception.code, 503)


class Asking(ModelTest):
    def setUp(self):
        super().setUp()
        self.model = llm.Model(self.agent, self.url)
        self.addCleanup(setattr, llm, "BACKOFF_BASE", llm.BACKOFF_BASE)
        llm.BACKOFF_BASE = 0.01

    def fails(self, code, **options):
        began = time.monotonic()
        with self.assertRaises(llm.ModelError) as raised:
            self.model.complete("owls", Caller(**options))
        self.assertEqual((raised.exception.code, raised.exception.retryable), (code, False))
        return time.monotonic() - began

    def left(self):
        """How many completions the mode still holds for."""
        return self.server.mood._count

    def test_an_error_that_passes(self):
        self.server.mood.set("500", 2)
        self.assertIn("owls", self.model.complete("owls", Caller()))

    def test_retry_after_is_waited_for(self):
        self.server.mood.set("429", 1)
        began = time.monotonic()
        self.model.complete("owls", Caller())
        self.assertGreaterEqual(time.monotonic() - began, 1.0)

    def test_retry_after_is_not_waited_for_when_there_is_no_time(self):
        self.server.mood.set("429", 2)
        self.fails(429, seconds=1.05)
        self.assertEqual(self.left(), 1)

    def test_a_refused_key_is_not_tried_again(self):
        self.server.mood.set("401", 2)
        self.fails(401)
        self.assertEqual(self.left(), 1)

    def test_a_model_that_hangs_takes_no_more_than_the_time_there_is(self):
        self.server.mood.set("hang")
        self.assertLess(self.fails(503, seconds=0.5), 0.5, "and says so in time")

    def test_a_model_that_is_not_there(self):
        self.model = llm.Model(self.agent, "http://127.0.0.1:1", llm.Breaker(failures=100))
        self.fails(503)

    def test_nobody_waits_on_for_one_who_has_gone(self):
        self.server.mood.set("429")
        call = Caller()
        threading.Timer(0.05, setattr, (call, "cancelled", True)).start()
        with self.assertRaises(superv.Cancelled):
            self.model.complete("owls", call)

    def test_the_breaker(self):
        now = [0.0]
        breaker = llm.Breaker(failures=2, recovery=5.0, clock=lambda: now[0])
        for _ in range(2):
            breaker.ask()
            breaker.tell(False)
        with self.assertRaises(superv.CircuitOpen) as raised:
            breaker.ask()
        self.assertEqual(raised.exception.retry_after, 5.0)
        now[0] = 5.0
        breaker.ask()
        with self.assertRaises(superv.CircuitOpen):  # one at a time
            breaker.ask()
        breaker.tell(False)
        with self.assertRaises(superv.CircuitOpen):
            breaker.ask()
        now[0] = 10.0
        breaker.ask()
        breaker.tell(True)
        breaker.ask()
        breaker.ask()


class Router:
    """superv as far as the pipeline needs it: hands calls on, and answers back. Neither deadlines nor rules."""

    def __init__(self, folder, agents):
        self.folder, self.agents, self.files, self.waiting, self.logs = folder, agents, {}, {}, []
        self.lock, self.ready = threading.Lock(), threading.Semaphore(0)
        self.next = 0
        self.listeners = {name: socket.socket(socket.AF_UNIX) for name in agents}
        for name, listener in self.listeners.items():
            listener.bind(self.path(name))
            listener.listen(1)
            threading.Thread(target=self.serve, args=(name,), daemon=True).start()

    def path(self, name):
        return os.path.join(self.folder, name)

    def send(self, name, **message):
        self.files[name].write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.files[name].flush()

    def serve(self, name):
        with self.listeners[name].accept()[0] as connection:
            self.files[name] = connection.makefile("rwb")
            for line in self.files[name]:
                with self.lock:
                    self.take(name, json.loads(line))

    def take(self, name, message):
        params, method = message.get("params", {}), message.get("method")
        if method == "hello":
            self.send(name, id=message["id"], result={"name": name, "message_max": 1 << 20})
        if method == "ready" or method == "hello" and params.get("ready"):
            self.ready.release()
        if method == "log":
            self.logs.append((name, params))
        if method == "call":
            self.call(params, name, lambda answer: self.send(name, id=message["id"], **answer))
        if method is None and message.get("id") in self.waiting:
            answer = {key: message[key] for key in ("result", "error") if key in message}
            self.waiting.pop(message["id"])(answer)

    def call(self, params, caller, then):
        self.next += 1
        self.waiting[self.next] = then
        told = {key: params[key] for key in ("method", "params", "task") if key in params}
        told.update({"from": caller, "deadline_ms": params["timeout_ms"], "trace": params.get("trace", TRACE)})
        self.send(params["to"], id=self.next, method="handle", params=told)

    def ask(self, to, method, params, timeout_ms):
        """What an operator asks, and gets."""
        answers, came = [], threading.Event()
        with self.lock:
            self.call(
                {"to": to, "method": method, "params": params, "timeout_ms": timeout_ms},
                "@operator",
                lambda answer: answers.append(answer) or came.set(),
            )
        assert came.wait(PATIENCE), "no answer came"
        return answers[0]


class ThePipeline(ModelTest):
    AGENTS = ("researcher", "writer", "planner")

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.router = Router(folder.name, self.AGENTS)
        for listener in self.router.listeners.values():
            self.addCleanup(listener.close)
        self.programs = []
        for name in self.AGENTS:
            environment = {**os.environ, "PYTHONPATH": str(CLIENT), "MODEL_URL": self.url, "SUPERV_AGENT": name}
            environment["SUPERV_SOCKET"] = self.router.path(name)
            program = subprocess.Popen([sys.executable, str(HERE / f"{name}.py")], env=environment)
            self.programs.append(program)
            self.addCleanup(program.wait)
            self.addCleanup(program.kill)
        for _ in self.AGENTS:
            self.assertTrue(self.router.ready.acquire(timeout=PATIENCE), "an agent did not become ready")

    def plan(self, params={"topic": "owls"}, timeout_ms=8000):
        return self.router.ask("planner", "plan", params, timeout_ms)

    def test_plans(self):
        made = self.plan()["result"]
        self.assertEqual((made["topic"], made["missing"]), ("owls", []))
        self.assertEqual(len(made["text"].splitlines()), 3)
        tasks = {params.get("task") for name, params in self.router.logs}
        self.assertEqual(tasks, {made["task"]}, "every line says what it was for")

        self.server.mood.set("500", 3)
        self.assertIn("result", self.plan())

        self.assertEqual(self.plan({})["error"]["code"], -32602)

        self.server.mood.set("401")
        error = self.plan()["error"]
        self.assertEqual((error["code"], error["data"]["retryable"]), (401, False))

        self.server.mood.set("401", 1)
        self.assertEqual(len(self.plan()["result"]["missing"]), 1, "half the research is enough")

        self.server.mood.set("hang")
        began = time.monotonic()
        self.assertEqual(self.plan(timeout_ms=1000)["error"]["code"], 503)
        self.assertLess(time.monotonic() - began, PATIENCE)
        self.server.mood.set("ok")

        for name, program in zip(self.AGENTS, self.programs):
            self.router.send(name, method="stop", params={"reason": "the test is over", "deadline_ms": 5000})
            self.assertEqual(program.wait(PATIENCE), 0)


if __name__ == "__main__":
    unittest.main()

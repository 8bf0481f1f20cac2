"""The Python client as a subject of the conformance script: does what it is told, one JSON command a line.

With `--asyncio` it is the `AsyncAgent` that is told. Every command and handler stands once, as a coroutine: where the
blocking `Agent` does the work nothing in it ever waits by `await`, so a plain thread can run it to its end.
"""

import asyncio
import functools
import inspect
import itertools
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))

import superv  # noqa: E402

HANDLER_THREADS = 16


async def result_of(value):
    """What a method of either agent returns, awaited where it has to be."""
    return await value if inspect.isawaitable(value) else value


class Subject:
    """Commands (`do_…`) and handlers (`serve_…`) for both kinds of agent."""

    def __init__(self, agent):
        self.agent = agent
        self.is_async = isinstance(agent, superv.AsyncAgent)
        self.numbers = itertools.count(1)
        self.kept = {}  # operations and calls, by token
        self.downs = []
        self.cancelled = 0
        self.block_seconds = 0.0
        for method in ("echo", "whoami", "fail", "crash", "slow", "relay", "cancelled", "big"):
            agent.handle(method, self.counted(getattr(self, "serve_" + method)))

    def keep(self, thing):
        token = next(self.numbers)
        self.kept[token] = thing
        return token

    def counted(self, function):
        """The handler, as its agent wants it; counts those that saw a cancel."""

        async def handler(params, call):
            try:
                return await function(params or {}, call)
            finally:
                self.cancelled += call.cancelled

        return handler if self.is_async else lambda params, call: run_through(handler(params, call))

    async def pause(self, seconds, call):
        if self.is_async:
            return await asyncio.sleep(seconds)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if call.cancelled:
                raise superv.Cancelled("the caller cancelled it")
            time.sleep(min(0.005, seconds))

    # Handlers

    async def serve_echo(self, params, call):
        return call.params

    async def serve_whoami(self, params, call):
        left = round(call.remaining() * 1000) if call.id is not None else None
        return {"from": call.sender, "task": call.task, "trace": call.trace, "remaining_ms": left}

    async def serve_fail(self, params, call):
        raise superv.RemoteError(params["code"], params["message"], params.get("data"))

    async def serve_crash(self, params, call):
        raise RuntimeError(params["message"])

    async def serve_slow(self, params, call):
        await self.pause(params["ms"] / 1000, call)
        return "slow"

    async def serve_relay(self, params, call):
        try:
            return await self.do_call(**params)
        except superv.SupervError as error:
            return {"kind": error.kind}

    async def serve_cancelled(self, params, call):
        return self.cancelled

    async def serve_big(self, params, call):
        return "x" * params["bytes"]

    # Commands

    async def do_ready(self):
        self.agent.ready()

    async def do_not_ready(self, reason=""):
        self.agent.not_ready(reason)

    async def do_status(self, text):
        self.agent.status(text)

    async def do_heartbeat(self, progress=None):
        self.agent.heartbeat(progress)

    async def do_op_begin(self, kind, expected_ms=None):
        expected = None if expected_ms is None else expected_ms / 1000
        return self.keep(self.agent.op(kind, expected).begin())

    async def do_op_end(self, token):
        self.kept.pop(token).end()

    async def do_log(self, level, message, fields=None, task=None):
        self.agent.log(level, message, task=task, **(fields or {}))

    async def do_call(self, to, method, params=None, timeout_ms=30000, task=None, attempts=1):
        return await result_of(self.agent.call(to, method, params, timeout_ms / 1000, task, attempts))

    async def do_start_call(self, to, method, params=None, timeout_ms=30000, task=None):
        if self.is_async:
            return self.keep(asyncio.ensure_future(self.agent.call(to, method, params, timeout_ms / 1000, task)))
        return self.keep(self.agent.submit_call(to, method, params, timeout_ms / 1000, task))

    async def do_cancel_call(self, token):
        self.kept[token].cancel()

    async def do_await_call(self, token):
        pending = self.kept.pop(token)
        return await pending if self.is_async else pending.result()

    async def do_helper_call(self, **call):
        """A call made by a program that this one starts: on a connection of its own, while this one serves."""
        helper = [sys.executable, __file__, "--helper", json.dumps(call)]
        run = functools.partial(subprocess.run, helper, stdout=subprocess.PIPE, check=True)
        done = await asyncio.to_thread(run) if self.is_async else run()
        return json.loads(done.stdout)

    async def do_cast(self, to, method, params=None, task=None):
        await result_of(self.agent.cast(to, method, params, task))

    async def do_monitor(self, agent):
        token = next(self.numbers)
        await result_of(self.agent.monitor(agent, lambda down: self.downs.append({"monitor": token, **down._asdict()})))
        return token

    async def do_downs(self):
        return self.downs

    async def do_state(self):
        agent = self.agent
        return {"stopping": agent.stopping, "supervised": agent.supervised, "connected": agent.connected}

    async def do_block(self, ms):
        if self.is_async:
            time.sleep(ms / 1000)
        else:  # a signal's handler runs on the main thread, whatever that is doing: here the agent's loop
            self.block_seconds = ms / 1000
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)

    async def do_exit(self, code):
        os._exit(code)

    async def obey(self, line):
        """The answer to a command, as a line."""
        command = json.loads(line)
        number, name = command.pop("n", None), command.pop("do")
        try:
            answer = {"ok": await getattr(self, "do_" + name)(**command)}
        except superv.SupervError as error:
            answer = {"error": {"kind": error.kind, "code": error.code, "message": error.message}}
            answer["error"].update(retryable=error.retryable, type=type(error).__name__)
        except (Exception, asyncio.CancelledError) as error:
            kind = "cancelled" if isinstance(error, asyncio.CancelledError) else None
            answer = {"error": {"kind": kind, "code": None, "message": str(error), "retryable": False}}
            answer["error"]["type"] = type(error).__name__
        return json.dumps({"n": number, **answer}).encode() + b"\n"


def run_through(coroutine):
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("this was not to wait")


def main_blocking():
    agent = superv.Agent()
    subject = Subject(agent)
    signal.signal(signal.SIGUSR1, lambda *_: time.sleep(subject.block_seconds))
    script = socket.socket(socket.AF_UNIX)
    script.connect(os.environ["CONFORMANCE_SOCKET"])
    writing = threading.Lock()

    def obey(line):
        answer = run_through(subject.obey(line))
        with writing:
            script.sendall(answer)

    def listen():
        for line in script.makefile("rb"):
            threading.Thread(target=obey, args=(line,), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    agent.run(threads=HANDLER_THREADS)


async def main_async():
    async with superv.AsyncAgent() as agent:
        subject = Subject(agent)
        reader, writer = await asyncio.open_unix_connection(os.environ["CONFORMANCE_SOCKET"], limit=1 << 26)

        async def obey(line):
            writer.write(await subject.obey(line))

        async def listen():
            tasks = set()
            while line := await reader.readline():
                tasks.add(asyncio.ensure_future(obey(line)))

        listening = asyncio.ensure_future(listen())
        await agent.stopped()
        listening.cancel()


def main_helper(call):
    call["timeout"] = call.pop("timeout_ms", 30000) / 1000
    with superv.Agent() as agent:
        print(json.dumps(agent.call(**call)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--helper"]:
        main_helper(json.loads(sys.argv[2]))
    elif "--asyncio" in sys.argv[1:]:
        asyncio.run(main_async())
    else:
        main_blocking()

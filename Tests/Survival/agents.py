"""The agents of survive.py. What they did they write down themselves, to be compared with what superv says.

    agents.py worker FOLDER PEER…    prints 1,000 numbered lines a second, calls peers 200 times a second
    agents.py quitter FOLDER         exits after a moment, each time with another code
    agents.py sleeper FOLDER         does nothing
"""

import asyncio
import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../clients/python"))

import superv

LINES_PER_BURST, BURSTS_PER_SECOND, CALLS_PER_SECOND = 20, 50, 200
NAME = os.environ.get("SUPERV_AGENT", "alone")
INCARNATION = int(os.environ.get("SUPERV_INCARNATION", "0"))


def note(folder, name, value):
    """Appends one line, in one write."""
    file = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, (json.dumps(value) + "\n").encode())
    os.close(file)


class Worker:
    def __init__(self, peers):
        self.peers, self.lines, self.outcomes, self.calls = peers, 0, {}, {}

    def write_lines(self):
        text = "".join(f"{NAME} {self.lines + index}\n" for index in range(LINES_PER_BURST)).encode()
        self.lines += LINES_PER_BURST
        while text:
            text = text[os.write(1, text):]

    async def call(self, agent, number):
        try:
            answer = await agent.call(random.choice(self.peers), "echo", {"number": number}, timeout=2.0)
            outcome = "ok" if answer == {"number": number} else "wrong"
        except superv.SupervError as error:
            outcome = type(error).__name__ if error.retryable else f"{type(error).__name__}: {error}"
        self.calls[number] += 1
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    async def work(self, agent):
        tasks, began, done = set(), time.monotonic(), 0
        stopped = asyncio.ensure_future(agent.stopped())
        while not stopped.done():
            due = int((time.monotonic() - began) * BURSTS_PER_SECOND)
            # Late, it goes on at its pace and does not catch up.
            if due > done:
                done = due
                self.write_lines()
                for _ in range(CALLS_PER_SECOND // BURSTS_PER_SECOND):
                    number = len(self.calls)
                    self.calls[number] = 0
                    task = asyncio.ensure_future(self.call(agent, number))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
            await asyncio.wait([stopped], timeout=1 / BURSTS_PER_SECOND)
        if tasks:
            await asyncio.wait(tasks)


async def worker(folder, peers):
    one = Worker(peers)

    async def echo(params, call):
        return params

    agent = superv.AsyncAgent()
    # Before it is connected: on a machine so busy that it counts as ready by then it is called at once.
    agent.handle("echo", echo)
    async with agent:
        agent.ready()
        await one.work(agent)
    note(folder, "worked", {
        "agent": NAME, "incarnation": INCARNATION, "pid": os.getpid(), "lines": one.lines,
        "calls": len(one.calls), "unended": sum(count == 0 for count in one.calls.values()),
        "doubled": sum(count > 1 for count in one.calls.values()), "outcomes": one.outcomes})


def quitter(folder):
    time.sleep(random.uniform(0.2, 1.0))
    code = 1 + INCARNATION % 60
    note(folder, "quit", {"agent": NAME, "incarnation": INCARNATION, "code": code, "time": time.time()})
    os._exit(code)


if __name__ == "__main__":
    kind, folder = sys.argv[1:3]
    if kind == "worker":
        asyncio.run(worker(folder, sys.argv[3:]))
    elif kind == "quitter":
        quitter(folder)
    else:
        while True:
            time.sleep(1000)

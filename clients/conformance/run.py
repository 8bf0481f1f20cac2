#!/usr/bin/env python3
"""Holds every client to docs/protocol.md: drives one program per client against a real superv.

    clients/conformance/run.py --superv PATH [--only python,asyncio,node,swift,shell]
                               [--swift PATH_OF_superv-conformance-subject] [--checks WORDS]

Each client's subject runs as the agent `subject` and does what this script tells it over a Unix
socket. Its peers are puppets (puppet.py), whose side of the protocol this script plays by hand.
Prints a line for each check and exits with 0 when all passed, 1 when one failed, 2 for bad usage.
"""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import traceback

from harness import HERE, PATIENCE, Failed, Refused, Subject, Tree, eventually, expect, expect_same

LONGEST_RUN = 420  # seconds, for one client
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACE = f"00-{TRACE_ID}-b7ad6b7169203331-01"

# What a client can do at all; a check names what it needs.
EVERYTHING = {"tell", "log", "op", "call", "kinds", "classes", "serve", "cancel", "monitor",
              "ping", "reconnect", "stop", "alone"}
SUBJECTS = {
    "python": (["python3", str(HERE / "subject.py")], EVERYTHING | {"helper"}),
    "asyncio": (["python3", str(HERE / "subject.py"), "--asyncio"], EVERYTHING | {"helper"}),
    "node": (["node", str(HERE / "subject.mjs")], EVERYTHING | {"helper"}),
    "swift": (["superv-conformance-subject"], EVERYTHING - {"classes"}),  # one type, with a kind
    "shell": (["sh", str(HERE / "subject.sh")], {"tell", "call"}),
}


# The checks.

CHECKS = []


def check(title, *needs):
    def register(function):
        CHECKS.append((title, set(needs), function))
        return function
    return register


@check("not ready until it says so; ready; not ready again", "tell")
def ready(tree):
    expect_same(tree.agent()["ready"], False, "ready at first")
    tree.subject.do("ready")
    tree.wait_for("ready in status", lambda agent: agent["ready"])
    tree.subject.do("not_ready", reason="reloading the index")
    tree.wait_for("not ready in status", lambda agent: not agent["ready"])
    expect("reloading the index" in json.dumps(tree.agent()), "the reason is in status")
    tree.subject.do("ready")
    tree.wait_for("ready again", lambda agent: agent["ready"])


@check("status text is in superv status", "tell")
def status_text(tree):
    tree.subject.do("status", text="40 of 200 pages, é")
    tree.wait_for("the text", lambda agent: "40 of 200 pages, é" in str(agent))


@check("heartbeats and their progress are in superv status", "tell")
def heartbeat(tree):
    tree.subject.do("heartbeat", progress=None)
    tree.subject.do("heartbeat", progress="page 41")
    tree.wait_for("the progress", lambda agent: "page 41" in str(agent))
    if "serve" in tree.features:
        tree.subject.do("heartbeat", progress=4217)
        tree.wait_for("the progress", lambda agent: "4217" in str(agent))


@check("a log line with its fields and task is in superv logs", "log")
def log(tree):
    for level in ("debug", "info", "warning", "error"):
        tree.subject.do(
            "log", level=level, message=f"fetched {level} ü", fields={"url": "x://a", "ms": 12},
            task="t-17")

    def logged():
        lines = [line for line in tree.run("logs", "subject").splitlines() if "fetched" in line]
        return lines if len(lines) == 4 else None
    for level, line in zip(("debug", "info", "warning", "error"), eventually("4 lines", logged)):
        for part in (f"fetched {level} ü", "x://a", "12", "t-17", level):
            expect(part in line, f"{part!r} is in {line!r}")


@check("an operation begins and ends", "op", "serve")
def operation(tree):
    first = tree.subject.do("op_begin", kind="summarise", expected_ms=30_000)
    second = tree.subject.do("op_begin", kind="summarise", expected_ms=None)
    tree.subject.do("op_end", token=first)
    tree.subject.do("op_end", token=second)
    expect_same(tree.subject.do("state")["connected"], True, "connected")


VALUES = [
    None, True, False, 0, -1, 9007199254740991, -9007199254740991, 0.1, -2.5e-7, 1.5e300, "", "a",
    "é€😀", "\u0000\u001f\u007f\u2028\ufeff", '"\\/\b\f\n\r\t', [], {}, [[], [{}]], {"": ""},
    {"a": None, "é": [1, "2", {"b": [False]}]}, "x" * 30_000, list(range(1000)),
]


def expect_same_json(got, wanted, what):
    """1 is not 1.0 and not true here; the members of an object have no order."""
    expect_same(json.dumps(got, sort_keys=True), json.dumps(wanted, sort_keys=True), what)


@check("params and results of every JSON type", "call", "serve")
def json_types(tree):
    with tree.puppet() as puppet:
        for value in VALUES:
            call = tree.subject.begin_call("puppet", "take", value)
            handle = puppet.next_handle("take")
            # Whether null is sent or left out is up to the client; they mean the same.
            expect_same_json(handle["params"].get("params"), value, "params")
            puppet.answer(handle, value)
            expect_same_json(tree.subject.end(call), value, "result")


@check("superv call gives the result", "call")
def call(tree):
    with tree.puppet() as puppet:
        value = {"topic": "owls, é", "n": [1, 2.5, None]}
        call = tree.subject.begin_call("puppet", "take", value)
        handle = puppet.next_handle("take")
        expect_same(handle["params"]["from"], "subject", "from")
        expect_same(handle["params"]["params"], value, "params")
        puppet.answer(handle, value)
        expect_same(tree.subject.end(call), value, "result")


@check("a helper asks on a connection of its own, and the agent goes on serving", "helper")
def helper(tree):
    tree.make_ready()
    with tree.puppet() as puppet:
        call = tree.subject.begin("helper_call", to="puppet", method="x", params=1)
        handle = puppet.next_handle("x")
        expect_same(handle["params"]["from"], "subject", "from")
        expect_same(puppet.result("subject", "echo", 2), 2, "result")
        puppet.answer(handle, 3)
        expect_same(tree.subject.end(call), 3, "result")
        expect_same(puppet.result("subject", "echo", 4), 4, "result after it")


@check("calls run side by side, and answers may overtake each other", "call", "serve")
def side_by_side(tree):
    with tree.puppet() as puppet:
        calls = [tree.subject.begin_call("puppet", f"m{n}") for n in range(20)]
        handles = {}
        for _ in calls:
            handle = puppet.next("handle")
            handles[handle["params"]["method"]] = handle
        for n in reversed(range(20)):
            puppet.answer(handles[f"m{n}"], n)
        expect_same([tree.subject.end(call) for call in calls], list(range(20)), "results")


def expect_error(tree, error, kind, is_retryable, class_name):
    if "kinds" in tree.features:
        expect_same(error["kind"], kind, "kind")
        expect_same(error["retryable"], is_retryable, "retryable")
        # A language may have an error of its own for what was cancelled.
        if "classes" in tree.features and error["type"] != "CancelledError":
            expect_same(error["type"], class_name, "class")
    else:
        expect(kind in error["message"], f"{kind} is in {error['message']!r}")
        expect_same(error["status"], 4 if kind == "timeout" else 1, "exit status")


@check("timeout: superv's clock ends the call, and a late answer is not delivered", "call")
def timeout(tree):
    with tree.puppet() as puppet:
        error = tree.subject.call_error("puppet", "never", timeout_ms=300)
        expect_error(tree, error, "timeout", True, "Timeout")
        handle = puppet.next_handle("never")
        expect(0 < handle["params"]["deadline_ms"] <= 300, "deadline_ms", handle)
        puppet.next("cancel")
        puppet.answer(handle, "late")
        call = tree.subject.begin_call("puppet", "next")
        puppet.answer(puppet.next_handle("next"), "in time")
        expect_same(tree.subject.end(call), "in time", "result")


@check("no_such_agent", "call")
def no_such_agent(tree):
    error = tree.subject.call_error("nobody", "x", timeout_ms=5_000)
    expect_error(tree, error, "no_such_agent", False, "NoSuchAgent")


@check("not_ready: an agent that does not serve", "call")
def not_ready(tree):
    error = tree.subject.call_error("mute", "x", timeout_ms=5_000)
    expect_error(tree, error, "not_ready", True, "NotReady")


@check("denied: an agent elsewhere in the tree that names nobody", "call")
def denied(tree):
    with tree.puppet("stranger"):
        error = tree.subject.call_error("stranger", "x", timeout_ms=5_000)
        expect_error(tree, error, "denied", False, "Denied")


@check("accept_calls_from lets a call through", "call")
def accepted(tree):
    with tree.puppet("friend") as friend:
        call = tree.subject.begin_call("friend", "x")
        friend.answer(friend.next_handle("x"), 1)
        expect_same(tree.subject.end(call), 1, "result")


@check("agent_died: the callee's process ends in the middle", "call")
def agent_died(tree):
    with tree.puppet("mortal") as mortal:
        call = tree.subject.begin_call("mortal", "x")
        mortal.next_handle("x")
        tree.run("signal", "KILL", "mortal")
        expect_error(tree, tree.subject.error(call), "agent_died", True, "AgentDied")


@check("unavailable: the callee lets go of its connection", "call")
def unavailable(tree):
    with tree.puppet() as puppet:
        call = tree.subject.begin_call("puppet", "x")
        puppet.next_handle("x")
        puppet.close()
        expect_error(tree, tree.subject.error(call), "unavailable", True, "Unavailable")


@check("overloaded: the callee's queue is full", "call", "serve")
def overloaded(tree):
    with tree.puppet("narrow") as narrow:
        first = tree.subject.begin_call("narrow", "first")
        handle = narrow.next_handle("first")
        error = tree.subject.call_error("narrow", "second")
        expect_error(tree, error, "overloaded", True, "Overloaded")
        narrow.answer(handle, 1)
        expect_same(tree.subject.end(first), 1, "result")


@check("circuit_open: a callee that failed twice in a row is left alone", "call")
def circuit_open(tree):
    with tree.puppet("fragile") as fragile:
        for _ in range(2):
            error = tree.subject.call_error("fragile", "x", timeout_ms=50)
            expect_error(tree, error, "timeout", True, "Timeout")
            fragile.next_handle("x")
            fragile.next("cancel")
        error = tree.subject.call_error("fragile", "x", timeout_ms=5_000)
        expect_error(tree, error, "circuit_open", True, "CircuitOpen")


@check("too_large: more than superv takes is refused, and nothing breaks", "call", "serve")
def too_large(tree):
    error = tree.subject.call_error("puppet", "x", "x" * 70_000)
    expect_error(tree, error, "too_large", False, "TooLarge")
    with tree.puppet() as puppet:
        tree.make_ready()
        answer = puppet.call("subject", "big", {"bytes": 70_000})
        expect_same(answer.get("error", {}).get("data", {}).get("kind"), "too_large", "kind")
        expect_same(len(puppet.result("subject", "big", {"bytes": 60_000})), 60_000, "length")


@check("invalid: what does not fit the protocol", "call", "kinds")
def invalid(tree):
    error = tree.subject.call_error("puppet", "m" * 200, timeout_ms=5_000)
    expect_error(tree, error, "invalid", False, "Invalid")


@check("the callee's own error passes as it is", "call")
def remote_error(tree):
    with tree.puppet() as puppet:
        call = tree.subject.begin_call("puppet", "x")
        puppet.refuse(puppet.next_handle("x"), 7, "out of ink, é", {"color": "blue"})
        error = tree.subject.error(call)
        expect("out of ink, é" in error["message"], "message", error)
        if "kinds" in tree.features:
            expect_same((error["code"], error["retryable"]), (7, False), "code, retryable")
            if "classes" in tree.features:
                expect_same(error["type"], "RemoteError", "class")


@check("attempts: only retryable errors are tried again", "call", "kinds")
def attempts(tree):
    with tree.puppet() as puppet:
        data = {"kind": "overloaded", "retryable": True, "retry_after_ms": 20}
        call = tree.subject.begin_call("puppet", "x", attempts=3)
        for _ in range(2):
            puppet.refuse(puppet.next_handle("x"), -32004, "full", data)
        puppet.answer(puppet.next_handle("x"), "third")
        expect_same(tree.subject.end(call), "third", "result")
        call = tree.subject.begin_call("puppet", "x", attempts=3)
        puppet.refuse(puppet.next_handle("x"), 7, "no")
        expect_same(tree.subject.error(call)["code"], 7, "code")
        call = tree.subject.begin_call("puppet", "y")  # had x been tried again, it would be next
        puppet.answer(puppet.next_handle("y"), 1)
        tree.subject.end(call)


@check("handlers: echo, errors of their own, exceptions, methods that are not there", "serve")
def handlers(tree):
    tree.make_ready()
    with tree.puppet() as puppet:
        for value in VALUES:
            expect_same_json(puppet.result("subject", "echo", value), value, "echo")
        own = {"code": 7, "message": "out of ink", "data": {"color": "blue"}}
        expect_same(puppet.call("subject", "fail", own).get("error"), own, "error")
        error = puppet.call("subject", "crash", {"message": "a bug"}).get("error", {})
        expect_same(error.get("code"), -32603, "code")
        expect("a bug" in error["message"], "the exception's message", error)
        expect(error.get("data", {}) in (None, {}) or "kind" not in error["data"], error)
        error = puppet.call("subject", "nowhere").get("error", {})
        expect_same(error.get("code"), -32601, "code")


@check("handlers run side by side with each other", "serve")
def handlers_side_by_side(tree):
    tree.make_ready()
    with tree.puppet() as puppet:
        slow = puppet.begin("call", to="subject", method="slow", params={"ms": 1000},
                            timeout_ms=30_000)
        expect_same(puppet.result("subject", "echo", 1), 1, "result")
        expect(puppet.answers.waiting[slow[0]].empty(), "the quick one is answered first")
        expect_same(puppet.end(slow).get("result"), "slow", "result")


@check("a handler knows its caller, task, trace and time", "serve")
def who_am_i(tree):
    tree.make_ready()
    with tree.puppet() as puppet:
        who = puppet.result("subject", "whoami", timeout_ms=20_000, task="t-17", trace=TRACE)
        expect_same((who["from"], who["task"]), ("puppet", "t-17"), "from, task")
        expect(TRACE_ID in who["trace"] and who["trace"] != TRACE, "its own span of", who)
        expect(0 < who["remaining_ms"] <= 20_000, "remaining_ms", who)
        who = puppet.result("subject", "whoami")
        expect_same(who.get("task"), None, "task")
        expect(len(who["trace"]) == 55, "a new trace", who)


@check("superv call reaches a handler as @operator", "serve")
def operator(tree):
    tree.make_ready()
    who = json.loads(tree.run("call", "subject", "whoami", "{}", "--timeout", "20s"))
    expect_same(who["from"], "@operator", "from")


@check("a nested call passes the trace and never asks for more time than is left", "serve", "call")
def nested(tree):
    tree.make_ready()
    with tree.puppet() as puppet, tree.puppet("helper") as helper:
        relay = {"to": "helper", "method": "inner", "params": [1], "timeout_ms": 60_000}
        outer = puppet.begin("call", to="subject", method="relay", params=relay, timeout_ms=20_000,
                             trace=TRACE)
        handle = helper.next_handle("inner")["params"]
        expect(TRACE_ID in handle["trace"], "trace", handle)
        expect(handle["deadline_ms"] <= 20_000, "deadline_ms", handle)
        expect_same(handle["from"], "subject", "from")
        expect_same(puppet.answers.waiting[outer[0]].empty(), True, "no answer yet")
        puppet.send("cancel", id=outer[0])
        expect_same(puppet.end(outer)["error"]["data"]["kind"], "cancelled", "kind")
        outer = puppet.begin("call", to="subject", method="relay", params=relay, timeout_ms=400)
        answer = puppet.end(outer)  # both end at the same time, and either may be first
        kind = answer["result"] if "result" in answer else answer["error"]["data"]
        expect_same(kind["kind"], "timeout", "kind")


@check("nested calls of handlers side by side keep their traces apart", "serve", "call")
def traces_apart(tree):
    tree.make_ready()
    with tree.puppet() as puppet, tree.puppet("helper") as helper:
        ids = [f"{n:032x}" for n in range(1, 9)]
        for trace_id in ids:
            relay = {"to": "helper", "method": "inner", "params": trace_id, "timeout_ms": 20_000}
            puppet.begin("call", to="subject", method="relay", params=relay, timeout_ms=20_000,
                         trace=f"00-{trace_id}-b7ad6b7169203331-01")
        for _ in ids:
            handle = helper.next_handle("inner")
            expect(handle["params"]["params"] in handle["params"]["trace"], "trace", handle)
            helper.answer(handle, None)


@check("cycle: a chain that comes back is refused", "serve", "call")
def cycle(tree):
    tree.make_ready()
    with tree.puppet() as puppet:
        relay = {"to": "puppet", "method": "again", "params": None, "timeout_ms": 20_000}
        expect_same(puppet.result("subject", "relay", relay), {"kind": "cycle"}, "relay")
        relay["to"] = "subject"
        expect_same(puppet.result("subject", "relay", relay), {"kind": "cycle"}, "relay to itself")


@check("the task of a call reaches the callee", "call", "serve")
def task(tree):
    with tree.puppet() as puppet:
        call = tree.subject.begin_call("puppet", "x", task="t-17")
        handle = puppet.next_handle("x")
        expect_same(handle["params"].get("task"), "t-17", "task")
        puppet.answer(handle, None)
        tree.subject.end(call)


@check("casts arrive in order, and are refused as calls are", "call", "serve")
def casts(tree):
    with tree.puppet() as puppet:
        for n in range(100):
            tree.subject.do("cast", to="puppet", method="note", params=n)
        handles = [puppet.next_handle("note") for _ in range(100)]
        expect_same([handle["params"]["params"] for handle in handles], list(range(100)), "casts")
        expect(all("id" not in handle for handle in handles), "no ids")
    error = tree.subject.error(tree.subject.begin("cast", to="nobody", method="x", params=None))
    expect_error(tree, error, "no_such_agent", False, "NoSuchAgent")


@check("casts are handled, and their exceptions harm nobody", "serve")
def casts_in(tree):
    tree.make_ready()
    with tree.puppet() as puppet:
        puppet.ask("cast", to="subject", method="crash", params={"message": "in a cast"})
        puppet.ask("cast", to="subject", method="nowhere")
        puppet.ask("cast", to="subject", method="echo", params=1)
        expect_same(puppet.result("subject", "echo", 2), 2, "result")


@check("cancelled: the subject cancels its call", "cancel", "call")
def cancel_out(tree):
    with tree.puppet() as puppet:
        token = tree.subject.do("start_call", to="puppet", method="x", params=None,
                                timeout_ms=60_000)
        handle = puppet.next_handle("x")
        tree.subject.do("cancel_call", token=token)
        expect_same(puppet.next("cancel")["params"]["id"], handle["id"], "id")
        error = tree.subject.error(tree.subject.begin("await_call", token=token))
        expect_error(tree, error, "cancelled", False, "Cancelled")
        puppet.answer(handle, "late")
        token = tree.subject.do("start_call", to="puppet", method="y", params=None,
                                timeout_ms=60_000)
        puppet.answer(puppet.next_handle("y"), "in time")
        expect_same(tree.subject.do("await_call", token=token), "in time", "result")


@check("a handler hears that its caller has cancelled, or has run out of time", "cancel", "serve")
def cancel_in(tree):
    tree.make_ready()
    with tree.puppet() as puppet:
        before = puppet.result("subject", "cancelled")
        call = puppet.begin("call", to="subject", method="slow", params={"ms": 5000},
                            timeout_ms=60_000)
        expect_same(puppet.result("subject", "echo", 1), 1, "the slow one has begun")
        puppet.send("cancel", id=call[0])
        expect_same(puppet.end(call)["error"]["data"]["kind"], "cancelled", "kind")
        eventually("one was cancelled",
                   lambda: puppet.result("subject", "cancelled") == before + 1)
        answer = puppet.call("subject", "slow", {"ms": 5000}, timeout_ms=200)
        expect_same(answer["error"]["data"]["kind"], "timeout", "kind")
        eventually("two were cancelled",
                   lambda: puppet.result("subject", "cancelled") == before + 2)


@check("a monitor fires once when the process ends, or at once without one", "monitor")
def monitors(tree):
    tree.wait_for("mortal runs", lambda agent: agent["phase"] == "running", "mortal")
    before = len(tree.subject.do("downs"))
    incarnation = tree.agent("mortal")["incarnation"]
    tree.subject.do("monitor", agent="mortal")
    tree.run("signal", "KILL", "mortal")
    down = eventually("a down", lambda: tree.subject.do("downs")[before:])[0]
    expect_same((down["agent"], down["incarnation"]), ("mortal", incarnation), "down")
    expect("KILL" in down["reason"], "reason", down)
    tree.wait_for("mortal is back", lambda agent: agent["incarnation"] > incarnation, "mortal")
    tree.run("signal", "KILL", "mortal")
    tree.wait_for("again", lambda agent: agent["incarnation"] > incarnation + 1, "mortal")
    expect_same(len(tree.subject.do("downs")), before + 1, "downs")
    tree.run("down", "mute")
    tree.subject.do("monitor", agent="mute")
    eventually("a down of who is not there", lambda: len(tree.subject.do("downs")) == before + 2)
    tree.run("up", "mute")
    error = tree.subject.error(tree.subject.begin("monitor", agent="nobody"))
    expect_error(tree, error, "no_such_agent", False, "NoSuchAgent")


@check("pings are answered while the loop runs", "ping")
def ping(tree):
    first = tree.agent("pinged")
    time.sleep(4)  # eight pings and more; nobody tells of a ping that was answered
    later = tree.agent("pinged")
    expect_same(later["incarnation"], first["incarnation"], "incarnation")
    expect_same((later["phase"], later["alive"]), ("running", True), "phase, alive")


@check("an operation in time excuses a blocked loop", "ping", "op")
def blocked_in_operation(tree):
    incarnation = tree.agent("pinged")["incarnation"]
    token = tree.pinged.do("op_begin", kind="compute", expected_ms=120_000)
    until = time.monotonic() + 15
    tree.pinged.do("block", ms=15_000)
    time.sleep(max(0, until - time.monotonic()))  # where the loop is not what answers here
    tree.pinged.do("op_end", token=token)
    expect_same(tree.agent("pinged")["incarnation"], incarnation, "incarnation")


@check("a blocked loop answers no ping: superv restarts it", "ping")
def blocked(tree):
    incarnation = tree.agent("pinged")["incarnation"]
    tree.pinged.begin("block", ms=300_000)
    tree.wait_for("a new one", lambda agent: agent["incarnation"] > incarnation, "pinged")
    tree.pinged = tree.accept("pinged")


@check("it connects again, with calls in flight ended and everything else as it was", "reconnect")
def reconnect(tree):
    # superv lets go of who does not read: more than 8 MB of answers to a subject that is stopped.
    tree.make_ready()
    before = len(tree.subject.do("downs"))
    tree.subject.do("monitor", agent="mortal")
    with tree.puppet() as puppet:
        waiting = tree.subject.begin_call("puppet", "waits", timeout_ms=600_000)
        puppet.next_handle("waits")
        calls = [tree.subject.begin_call("puppet", "big", timeout_ms=600_000) for _ in range(200)]
        handles = [puppet.next_handle("big") for _ in calls]
        tree.run("signal", "STOP", "subject")
        for handle in handles:
            puppet.answer(handle, "x" * 60_000)
        puppet.next("cancel")  # nobody waits for it any more
        tree.run("signal", "CONT", "subject")
        expect_error(tree, tree.subject.error(waiting), "unavailable", True, "Unavailable")
        for call in calls:
            with contextlib.suppress(Refused):
                expect_same(tree.subject.end(call), "x" * 60_000, "result")
    eventually("connected again", lambda: tree.subject.do("state")["connected"])
    tree.wait_for("ready, without saying so again", lambda agent: agent["ready"])
    with tree.puppet() as puppet:
        expect_same(puppet.result("subject", "echo", 1), 1, "result")
    tree.run("signal", "KILL", "mortal")
    eventually("a down", lambda: tree.subject.do("downs")[before:])


@check("without superv it runs by hand", "alone")
def alone(tree):
    door = tree.listen("alone")
    environment = {**tree.environment, "CONFORMANCE_SOCKET": str(tree.folder / "alone.sock")}
    program = subprocess.Popen(
        tree.command, env=environment, stdin=subprocess.DEVNULL, cwd=tree.folder)
    try:
        subject = Subject(door.accept()[0])
        for command in ("ready", "state"):
            subject.do(command)
        subject.do("not_ready", reason="x")
        subject.do("status", text="x")
        subject.do("heartbeat", progress=1)
        subject.do("log", level="info", message="x", fields={}, task=None)
        subject.do("op_end", token=subject.do("op_begin", kind="x", expected_ms=None))
        expect_same(
            subject.do("state"), {"stopping": False, "supervised": False, "connected": False},
            "state")
        expect_error(
            tree, subject.call_error("puppet", "x"), "unavailable", True, "Unavailable")
        subject.begin("exit", code=3)
        expect_same(program.wait(PATIENCE), 3, "exit status")
    finally:
        program.kill()
        program.wait()
        door.close()


@check("stop: it finishes what is in its hands, and ends by itself", "stop", "serve")
def stop(tree):
    tree.make_ready()
    with tree.puppet() as puppet:
        slow = puppet.begin("call", to="subject", method="slow", params={"ms": 1500},
                            timeout_ms=60_000)
        expect_same(puppet.result("subject", "echo", 1), 1, "the slow one has begun")
        down = threading.Thread(target=tree.run, args=("down", "subject"), daemon=True)
        down.start()
        eventually("nobody else gets to it", lambda: "error" in puppet.call("subject", "echo", 2))
        answer = puppet.end(slow)
        expect_same(answer.get("result", answer.get("error")), "slow", "what was in its hands")
        down.join(PATIENCE)
    agent = tree.wait_for("it is gone", lambda agent: agent["pid"] is None)
    expect_same((agent["exit"]["code"], agent["exit"]["signal"]), (0, None), "exit")


# All of it.


@contextlib.contextmanager
def time_limit():
    """No subject takes longer than this, whatever hangs."""
    def give_up(*_):
        raise Failed(f"more than {LONGEST_RUN} s")
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LONGEST_RUN)
    try:
        yield
    finally:
        signal.alarm(0)


def run(name, superv, command, features, wanted):
    """Drives one subject through every check that it can do. Returns what failed."""
    failed = []
    began = time.monotonic()
    print(f"=== {name}: {' '.join(command)}", flush=True)
    try:
        with time_limit(), Tree(superv, command, features) as tree:
            for title, needs, function in CHECKS:
                if not needs <= features or wanted and wanted not in title:
                    continue
                start = time.monotonic()
                try:
                    function(tree)
                    print(f"PASS {name}: {title} ({time.monotonic() - start:.1f} s)", flush=True)
                except Exception as problem:  # an answer of another shape is a failure too
                    failed.append(title)
                    place = traceback.extract_tb(problem.__traceback__)[1]
                    print(f"FAIL {name}: {title}\n     line {place.lineno}: "
                          f"{type(problem).__name__}: {problem}", flush=True)
                    if tree.subject.ended.is_set() and function is not stop:
                        print(f"     the subject is gone\n{tree.run('logs', 'subject')[-3000:]}")
                        tree.subject = tree.accept("subject")
    except (Failed, OSError, subprocess.SubprocessError) as problem:
        failed.append("its tree")
        print(f"FAIL {name}: its tree: {problem}", flush=True)
    print(f"=== {name}: {time.monotonic() - began:.0f} s", flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--superv", required=True, help="the program under test")
    parser.add_argument("--only", help="clients, separated by commas")
    parser.add_argument("--swift", help="the Swift subject; without it Swift is left out")
    parser.add_argument("--checks", help="only checks with these words in their titles")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(SUBJECTS)
    for name in names:
        if name not in SUBJECTS:
            parser.error(f"there is no client '{name}'; there are {', '.join(SUBJECTS)}")
    superv = str(pathlib.Path(options.superv).resolve())
    if not os.access(superv, os.X_OK):
        parser.error(f"{superv} is no program")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # cleans up
    failed = 0
    for name in names:
        command, features = SUBJECTS[name]
        if name == "swift":
            if not options.swift:
                print("=== swift: NOT TESTED, since --swift names no subject")
                continue
            command = [str(pathlib.Path(options.swift).resolve())]
        failed += len(run(name, superv, command, features, options.checks))
    print(f"{failed} checks failed" if failed else "all checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

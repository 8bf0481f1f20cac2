#!/usr/bin/env python3
"""Kills superv again and again under load, and looks whether anybody noticed.

    survive.py [--superv PATH] [--kills 100] [--workers 10] [--seed N] [--keep FOLDER] [--old-kernel]

Daemon and keeper are killed with SIGKILL in turns, at random moments; every tenth time both at once, after which
`superv start` is run again. Meanwhile agents print numbered lines, call each other, and exit by themselves with codes
that they write down. In the end nothing may be lost, doubled or left behind. Exit status 0 when that holds.

With --old-kernel superv finds itself on a kernel that does not say of a pidfd how its process has ended (before 6.15).
"""

import argparse
import collections
import ctypes
import errno
import json
import os
import platform
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 60.0  # seconds for anything that has to happen at all


def configuration(folder, workers, quitters, sleepers):
    names = [f"w{index}" for index in range(workers)]
    agents = os.path.join(HERE, "agents.py")
    text = [
        "[superv]", f"runtime_dir = {folder}/run", f"state_dir = {folder}/state", f"log_dir = {folder}/logs",
        "log_max_size = 1GB", "[supervisor:workers]", f"children = {', '.join(names)}",
        # What is killed on purpose is counted, over all daemons.
        "[supervisor:counted]", "children = victim", "intensity = 1000", "period = 1h", "backoff_base = 0",
        "[agent:victim]", f"command = {sys.executable} {agents} sleeper {folder}", "startsecs = 0"]
    for name in names:
        peers = " ".join(other for other in names if other != name)
        text += [f"[agent:{name}]", f"command = {sys.executable} {agents} worker {folder} {peers}"]
    text += ["[supervisor:quitters]", "intensity = 1000000", "period = 60s", "backoff_base = 0",
             "children = " + ", ".join(f"q{index}" for index in range(quitters))]
    for index in range(quitters):
        text += [f"[agent:q{index}]", f"command = {sys.executable} {agents} quitter {folder}", "startsecs = 0"]
    for index in range(sleepers):
        text += [f"[agent:s{index}]", f"command = {sys.executable} {agents} sleeper {folder}"]
    return "\n".join(text) + "\n"


def forbid_pidfd_info():
    """From now on PIDFD_GET_INFO is what it is on an older kernel, for this process and all that it starts (seccomp(2))."""
    ioctl, load, equal, mask, give, allowed = {"x86_64": 16, "aarch64": 29}[platform.machine()], 0x20, 0x15, 0x54, 6, 0x7FFF0000
    steps = [(load, 0, 0, 0), (equal, 0, 4, ioctl), (load, 0, 0, 24), (mask, 0, 0, 0xFFFF), (equal, 0, 1, 0xFF0B),
             (give, 0, 0, 0x50000 | errno.ENOTTY), (give, 0, 0, allowed)]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    for option, first, second in ((38, 1, 0), (22, 2, ctypes.addressof(program))):  # no new privileges; the filter
        if libc.prctl(option, ctypes.c_ulong(first), ctypes.c_ulong(second), ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


class Superv:
    def __init__(self, executable, folder, is_on_old_kernel=False):
        self.executable, self.folder, self.is_on_old_kernel = executable, folder, is_on_old_kernel
        self.environment = dict(
            os.environ, SUPERV_CONTROL=f"{folder}/run/control.sock", XDG_RUNTIME_DIR=f"{folder}/xdg")
        os.makedirs(f"{folder}/xdg", mode=0o700)

    def command(self, *words):
        return subprocess.run(
            [self.executable, *words], env=self.environment, text=True, capture_output=True, timeout=120,
            preexec_fn=forbid_pidfd_info if self.is_on_old_kernel else None)

    def start(self):
        answer = self.command("start", f"{self.folder}/superv.conf")
        if answer.returncode != 0:
            sys.exit(f"superv start: {answer.stderr}")

    def status(self):
        """One question over the control socket; nothing of superv's own command line is in the figure."""
        with socket.socket(socket.AF_UNIX) as end:
            end.settimeout(PATIENCE)
            end.connect(self.environment["SUPERV_CONTROL"])
            end.sendall(b'{"jsonrpc":"2.0","id":1,"method":"status","params":{}}\n')
            return json.loads(end.makefile().readline())["result"]

    def wait(self):
        """Until it answers.

        Returns: its status, and how many seconds that took.
        """
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            try:
                return self.status(), time.monotonic() - began
            except (OSError, ValueError, KeyError):
                time.sleep(0.0005)
        sys.exit("superv does not answer any more")

    def wait_for_answer(self, agent):
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            if self.command("call", agent, "echo", "{}", "--timeout", "1s").returncode == 0:
                return
            time.sleep(0.05)
        sys.exit(f"{agent} does not answer any more")

    def pids(self):
        daemon = self.wait()[0]["daemon"]
        return daemon["pid"], daemon["keeper_pid"]


def kill(*pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def started(pid):
    """Clock ticks from boot to its start; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[19]
    except OSError:
        return None


def marked(folder):
    """The pids of all processes that were given this superv's socket, by agent."""
    found = collections.defaultdict(list)
    mark = f"SUPERV_SOCKET={folder}/run/agent.sock"
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                variables = file.read().decode(errors="replace").split("\0")
        except OSError:
            continue
        if mark in variables:
            name = next((one[13:] for one in variables if one.startswith("SUPERV_AGENT=")), "?")
            found[name].append(int(pid))
    return found


def lines(path):
    try:
        with open(path) as file:
            return [json.loads(line) for line in file]
    except OSError:
        return []


class Disturbed:
    """What has been done to superv, and what nobody can know for that reason."""

    def __init__(self):
        self.gaps = collections.defaultdict(list)  # in control, in seconds
        self.victims = 0  # how often an agent whose restarts are counted was killed
        self.nobody = []  # when there was neither daemon nor keeper
        self.strangers = set()  # the incarnations that process 1 may have reaped, on a kernel that does not tell how they ended

    def is_unknowable(self, incarnation, time):
        return incarnation in self.strangers or any(began - 0.1 <= time <= ended for began, ended in self.nobody)


def kill_victim(superv, dice):
    """Kills an agent whose restarts are counted.

    Returns: how many times: 0 while it does not run.
    """
    pid = next(agent["pid"] for agent in superv.wait()[0]["agents"] if agent["name"] == "victim")
    if not pid:
        return 0
    kill(pid)
    if dice.random() < 0.5:
        time.sleep(0.05)
    return 1


def run_kills(superv, count, dice):
    done = Disturbed()
    for number in range(1, count + 1):
        time.sleep(dice.uniform(0.02, 0.4))
        if number % 7 == 0:
            done.victims += kill_victim(superv, dice)
        superv.wait()
        daemon, keeper = superv.pids()
        if number % 10 == 0:
            began, at = time.monotonic(), time.time()
            kill(daemon, keeper)
            superv.start()
            superv.wait()
            done.gaps["both killed"].append(time.monotonic() - began)
            done.nobody.append((at, time.time()))
            continue
        which = "daemon" if number % 2 else "keeper"
        victim = daemon if number % 2 else keeper
        if which == "keeper" and superv.is_on_old_kernel:
            done.strangers |= {(agent["name"], agent["incarnation"]) for agent in superv.wait()[0]["agents"]}
        kill(victim)
        # One that was killed may still answer for a moment: it counts when somebody else does.
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            status, _ = superv.wait()
            if victim not in (status["daemon"]["pid"], status["daemon"]["keeper_pid"]):
                break
        done.gaps[f"{which} killed"].append(time.monotonic() - began)
    return done


class Verdict:
    def __init__(self):
        self.is_good = True

    def check(self, holds, text):
        print(("ok      " if holds else "NOT OK  ") + text)
        self.is_good = self.is_good and holds


def check_logs(verdict, folder, worked):
    total = 0
    for worker in worked:
        name, wanted = worker["agent"], 0
        with open(f"{folder}/logs/{name}.log", "rb") as file:
            for line in file:
                if line.rstrip().rpartition(b" ")[2] == str(wanted).encode():
                    wanted += 1
                elif f" {name} ".encode() in line:
                    return verdict.check(False, f"line {wanted} of {name} is missing or late: {line!r}")
        if wanted != worker["lines"]:
            return verdict.check(False, f"{name} has printed {worker['lines']} lines, {wanted} are in its log")
        total += wanted
    verdict.check(total > 0, f"{total:,} log lines of {len(worked)} agents: none lost, none doubled, in order")


def check_events(verdict, folder, done):
    events, doubled = {}, 0
    for event in lines(f"{folder}/logs/events.ndjson"):
        doubled += event["seq"] in events
        events.setdefault(event["seq"], event)
    verdict.check(
        sorted(events) == list(range(1, len(events) + 1)),
        f"{len(events):,} events, numbered without a gap ({doubled} written twice, with the same number)")
    told = collections.Counter(
        (event["agent"], event["incarnation"], event["exit"]["code"])
        for event in events.values() if event["event"] == "agent.exited" and event["agent"].startswith("q"))
    quitters = lines(f"{folder}/quit")
    quit = collections.Counter((one["agent"], one["incarnation"], one["code"]) for one in quitters)
    when = {(one["agent"], one["incarnation"]): one["time"] for one in quitters}
    missed = quit - told
    # With both dead, process 1 takes the ends: what it reaps before superv is back nobody can know.
    unknown = [one for one in missed if (one[0], one[1], None) in told and done.is_unknowable(one[:2], when[one[:2]])]
    verdict.check(
        len(missed) == len(unknown) and max(told.values(), default=1) == 1,
        f"{sum(quit.values()):,} exits, each told once with its code, but for {len(unknown)} that nobody can know "
        f"{sorted(set(missed) - set(unknown)) or ''}")


def check_calls(verdict, worked):
    outcomes = collections.Counter()
    for worker in worked:
        outcomes.update(worker["outcomes"])
    calls = sum(worker["calls"] for worker in worked)
    verdict.check(
        all(worker["unended"] == worker["doubled"] == 0 for worker in worked),
        f"{calls:,} calls, each ended once: {dict(outcomes)}")
    verdict.check(
        set(outcomes) <= {"ok", "Unavailable", "NotReady", "Overloaded", "Timeout", "CircuitOpen"},
        "a call ends with its answer, or as one to be made again while somebody reconnects or catches up")


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def survive(superv, folder, options, disturb):
    dice = random.Random(options.seed)
    verdict = Verdict()
    superv.start()
    names = [f"w{index}" for index in range(options.workers)] + ["s0", "s1", "s2"]
    before = {agent["name"]: agent["pid"] for agent in superv.wait()[0]["agents"]}
    starts = {name: started(before[name]) for name in names}
    # The first lines and calls.
    time.sleep(1.0)
    done = disturb(superv, dice)
    # Whoever is not connected again yet is stopped by a signal, and writes nothing down.
    for index in range(options.workers):
        superv.wait_for_answer(f"w{index}")
    status, _ = superv.wait()
    after = {agent["name"]: agent["pid"] for agent in status["agents"]}
    verdict.check(
        all(after[name] == before[name] and started(after[name]) == starts[name] for name in names),
        f"{len(names)} agents run on as the processes that they were")
    living = marked(folder)
    verdict.check(
        all(len(living[name]) == 1 for name in names + ["victim"]) and all(len(pids) <= 1 for pids in living.values()),
        "no agent is there twice")
    counted = next(one for one in status["supervisors"] if one["name"] == "counted")["restarts_in_period"]
    verdict.check(counted == done.victims, f"the restart window remembers {counted} of {done.victims} restarts")
    answer = superv.command("shutdown")
    verdict.check(answer.returncode == 0, "superv shuts down " + answer.stderr)
    left = marked(folder)
    verdict.check(not left, f"nothing is left behind {dict(left) if left else ''}")
    worked = lines(f"{folder}/worked")
    verdict.check(len(worked) == options.workers, f"{len(worked)} of {options.workers} workers ended in order")
    check_logs(verdict, folder, worked)
    check_events(verdict, folder, done)
    check_calls(verdict, worked)
    for which in sorted(done.gaps):
        p50, p99 = quantile(done.gaps[which], 0.5) * 1e3, quantile(done.gaps[which], 0.99) * 1e3
        print(f"        {len(done.gaps[which])} x {which}: gap in control p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    return verdict.is_good


def arguments(description):
    """Those that every test under load has."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--superv", default=os.path.join(HERE, "../../.build/release/superv"))
    parser.add_argument("--workers", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--keep", help="use this folder, and leave everything in it")
    return parser


def run(options, executable, disturb, is_on_old_kernel=False):
    """Puts superv under load, and has it disturbed.

    Returns: the exit status.
    """
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as temporary:
        folder = options.keep or temporary
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/superv.conf", "w") as file:
            file.write(configuration(folder, options.workers, quitters=3, sleepers=6))
        superv = Superv(os.path.abspath(executable), folder, is_on_old_kernel)
        try:
            is_good = survive(superv, folder, options, disturb)
        finally:
            if os.path.exists(superv.environment["SUPERV_CONTROL"]):
                superv.command("shutdown")
            for pids in marked(folder).values():
                kill(*pids)
            if os.path.exists(f"{folder}/run/daemon.log") and options.keep:
                print(f"everything is in {folder}")
    return 0 if is_good else 1


def main():
    parser = arguments(__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--old-kernel", action="store_true")
    options = parser.parse_args()
    print(f"{options.kills} kills, seed {options.seed}")
    return run(
        options, options.superv, lambda superv, dice: run_kills(superv, options.kills, dice), options.old_kernel)


if __name__ == "__main__":
    sys.exit(main())

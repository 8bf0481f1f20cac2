"""A superv with a small tree, and what becomes of that; for everycall.py."""

import collections
import json
import os
import re
import signal
import socket
import sys
import time

from survive import PATIENCE, Superv, kill, marked

FINAL = 15.0  # seconds that the tree has to come to rest, also on a machine that is busy with something else
SUBJECT, SIBLING, PARTNERS = "subject", "sibling", ("left", "right")


def configuration(folder):
    text = ["[superv]", f"runtime_dir = {folder}/run", f"state_dir = {folder}/state", f"log_dir = {folder}/logs"]
    for name, strategy, children in (
            ("single", "one_for_one", [SUBJECT, SIBLING]), ("group", "one_for_all", PARTNERS)):
        text += [f"[supervisor:{name}]", f"strategy = {strategy}", f"children = {', '.join(children)}",
                 "intensity = 100000", "period = 1h", "backoff_base = 0"]
        for child in children:
            text += [f"[agent:{child}]", "command = sleep 1000000", "startsecs = 0"]
    return "\n".join(text) + "\n"


class Request:
    """A request over the control socket, whose answer nobody waits for."""

    def __init__(self, superv, method, **params):
        self.socket, self.bytes, self.is_cut = socket.socket(socket.AF_UNIX), b"", False
        self.socket.connect(superv.environment["SUPERV_CONTROL"])
        text = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        self.socket.sendall(text.encode() + b"\n")
        self.socket.setblocking(False)

    def is_answered(self):
        try:
            while part := self.socket.recv(65536):
                self.bytes += part
            self.is_cut = True
        except BlockingIOError:
            pass
        except ConnectionError:
            self.is_cut = True
        return b"\n" in self.bytes

    def is_over(self):
        """Answered or cut. One that no daemon has accepted waits for the next one."""
        return self.is_answered() or self.is_cut

    def wait(self):
        wait_for("an answer", self.is_over, PATIENCE)
        return json.loads(self.bytes)["result"]


class Wrong(Exception):
    """An outcome that must not be."""


class EventLog:
    """The events, as far as they are written."""

    def __init__(self, path):
        self.path, self.read_bytes, self.events = path, 0, {}

    def read(self):
        """Returns: the number of the last event up to which none is missing."""
        if os.path.exists(self.path):
            with open(self.path, "rb") as file:
                file.seek(self.read_bytes)
                whole, _, _ = file.read().rpartition(b"\n")
            self.read_bytes += len(whole) + (1 if whole else 0)
            for line in whole.splitlines():
                event = json.loads(line)
                if self.events.setdefault(event["seq"], event) != event:
                    raise Wrong(f"event {event['seq']} is there twice, and not the same")
        if len(self.events) != max(self.events, default=0):
            raise Wrong("the events have a gap")
        return len(self.events)

    def story(self, since):
        """What is told of agents and supervisors after an event: nothing in it is another in another run."""
        told = [self.events[number] for number in range(since + 1, self.read() + 1)]
        return tuple((one["event"], one.get("agent") or one.get("supervisor"), one.get("incarnation", 0),
                      json.dumps(one.get("exit")), uncounted(one["reason"]))
                     for one in told if not one["event"].startswith("daemon."))


class Tree:
    """What there is at one moment, and what has become of it since."""

    def __init__(self, superv, log):
        self.superv, self.log = superv, log
        status = superv.status()
        self.agents = {one["name"]: one for one in status["agents"]}
        self.supervisors = {one["name"]: one for one in status["supervisors"]}
        self.journal_bytes = os.path.getsize(f"{superv.folder}/run/journal.ndjson")
        last = Request(superv, "events").wait()["next_seq"] - 1
        wait_for("the event log", lambda: log.read() >= last)
        self.last_event = last
        # What there is when nothing has happened.
        self.before = self.outcome()

    def ends(self, last_event):
        """The next tree counts restarts anew, and tells its story after this event."""
        self.last_event = last_event
        for agent in self.agents.values():
            agent.update(restarts=0, exit="of another life", reason="of another life")
        for supervisor in self.supervisors.values():
            supervisor.update(restarts_in_period=0, reason="of another life")

    def journal_has(self, word):
        """Whether a request was written down. At the end of all there is no journal any more."""
        try:
            with open(f"{self.superv.folder}/run/journal.ndjson", "rb") as file:
                file.seek(self.journal_bytes)
                return word in file.read()
        except FileNotFoundError:
            return True

    def outcome(self):
        """What has changed since; two runs that went alike have equal ones."""
        status, processes = self.superv.status(), marked(self.superv.folder)
        found = {}
        for agent in status["agents"]:
            name, before = agent["name"], self.agents[agent["name"]]
            pids = processes.pop(name, [])
            if agent["pid"] and pids != [agent["pid"]]:
                found[name, "processes"] = f"superv says {agent['pid']}, there are {pids}"
            is_same = agent["pid"] == before["pid"] and agent["incarnation"] == before["incarnation"]
            found[name] = (
                agent["phase"], agent["ready"], len(pids), is_same, agent["incarnation"] - before["incarnation"],
                agent["restarts"] - before["restarts"],
                json.dumps(agent["exit"]) if not is_same or agent["exit"] != before["exit"] else "as before",
                uncounted(agent["reason"]) if not is_same or agent["reason"] != before["reason"] else "as before")
        for one in status["supervisors"]:
            before = self.supervisors[one["name"]]
            found[one["name"]] = (
                one["phase"], one["restarts_in_period"] - before["restarts_in_period"],
                uncounted(one["reason"]) if one["reason"] != before["reason"] else "as before")
        if processes:
            found["left over"] = dict(processes)
        roles = roles_of_superv(self.superv)
        if roles != ["daemon", "keeper", "logger"]:
            found["roles"] = roles
        found.update(self.story())
        return found

    def story(self):
        """What has been told of each agent and supervisor since: in what order they come is chance."""
        found = collections.defaultdict(tuple)
        for kind, name, incarnation, *rest in self.log.story(self.last_event):
            since = incarnation - self.agents[name]["incarnation"] if name in self.agents else 0
            found[f"events of {name}"] += ((kind, since, *rest),)
        return dict(found)

    def settle(self, wanted):
        """Waits until the outcome is one of those that are wanted.

        Raises: Wrong.
        """
        began = time.monotonic()
        while time.monotonic() - began < FINAL:
            try:
                found = self.outcome()
                if found in wanted:
                    return found
            except (OSError, ValueError, KeyError):
                found = None
            time.sleep(0.002)
        raise Wrong(difference(found, wanted))


def uncounted(reason):
    """How often something has been restarted is not the same in each run, and is compared apart from this."""
    return re.sub(r"^restart \d+ of", "restart n of", reason or "")


def difference(found, wanted):
    if found is None:
        return "superv does not answer any more"
    best = min(wanted, key=lambda one: sum(one.get(key) != found.get(key) for key in {*one, *found}))
    return "\n".join(f"      {key}: {found.get(key)}\n      {'':{len(str(key))}}  not {best.get(key)}"
                     for key in {**best, **found} if best.get(key) != found.get(key))


def wait_for(what, condition, patience=FINAL):
    """Raises: Wrong when it takes too long."""
    until = time.monotonic() + patience
    while not condition():
        if time.monotonic() > until:
            raise Wrong(f"      {what}: in vain")
        time.sleep(0.002)


def roles_of_superv(superv):
    """What superv itself runs as, in alphabetical order."""
    return sorted(role for _, role in processes_of_superv(superv))


def processes_of_superv(superv):
    """The processes of superv itself with their roles. What `superv start` begins has its environment; a logger has none,
    and files in the folder open."""
    found, mark = [], f"XDG_RUNTIME_DIR={superv.folder}/xdg".encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                role = file.read().split(b"\0")[1:2]
            if role == [b"logger"]:
                files = [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
                is_ours = any(path.startswith(f"{superv.folder}/") for path in files)
            else:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    is_ours = role and mark in file.read().split(b"\0")
        except OSError:
            continue
        if is_ours:
            found.append((int(pid), role[0].decode()))
    return found


class World:
    """A superv in a folder of its own."""

    def __init__(self, executable, folder):
        os.makedirs(folder)
        with open(f"{folder}/superv.conf", "w") as file:
            file.write(configuration(folder))
        self.superv = Superv(executable, folder)
        self.log = EventLog(f"{folder}/logs/events.ndjson")
        self.superv.start()

    def ask(self, method, *names):
        answer = Request(self.superv, method, names=names).wait()
        if not all(one["ok"] or "already" in one["reason"] for one in answer["results"]):
            raise Wrong(f"      {method}: {answer}")

    @property
    def daemon(self):
        return self.superv.wait()[0]["daemon"]["pid"]

    @property
    def keeper(self):
        return self.superv.wait()[0]["daemon"]["keeper_pid"]

    def change_keeper(self):
        """Kills the keeper, so that the next daemon is the first one that dies under the next keeper, and is replaced at
        once. Every agent is then one that an earlier daemon has started."""
        daemon = self.daemon
        kill(self.keeper)
        wait_for("the next keeper", lambda: self.daemon != daemon)

    def sight(self):
        """What there is to be seen of a superv that went wrong."""
        seen = []
        for pid, role in processes_of_superv(self.superv):
            try:
                with open(f"/proc/{pid}/status") as file:
                    state = {line.split(":")[0]: line.split()[1] for line in file if ":\t" in line and len(line.split()) > 1}
                with open(f"/proc/{pid}/wchan") as file:
                    seen.append(f"{role} {pid} {state['State']} tracer {state['TracerPid']} in {file.read()}")
            except OSError:
                continue
        with open(f"{self.superv.folder}/run/daemon.log") as file:
            return "\n".join("      " + line.rstrip() for line in seen + file.readlines()[-4:])

    def is_gone(self):
        """A logger may go on for a while."""
        return not set(roles_of_superv(self.superv)) - {"logger"} and not marked(self.superv.folder)

    def stop(self):
        answer = self.superv.command("shutdown")
        if answer.returncode != 0:
            raise Wrong(f"      superv shutdown: {answer.stderr}")
        wait_for("the end of superv", self.is_gone)

    def destroy(self):
        """Keeper and daemon replace each other until both are caught."""
        while pids := [pid for pid, _ in processes_of_superv(self.superv)] + sum(marked(self.superv.folder).values(), []):
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.05)

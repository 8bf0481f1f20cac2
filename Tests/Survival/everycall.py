#!/usr/bin/env python3
"""Kills the daemon right before and right after each of its system calls, one after the other.

    everycall.py [--superv PATH] [--phases NAME,…] [--kills N] [--seed N] [--keep FOLDER]

A run in which nobody is killed says how many calls a phase takes, and what has become of the tree then. After that each
call is once the last one that the daemon begins (it is killed at the entry, and the kernel does not make the call), and
once the last one that it has made. With --kills only so many of these deaths are tried, spread over all phases.

The phases, and what "the same tree" means after a death in one of them:

  up, restart, down   An agent is started by `up`; killed, so that it is restarted; stopped by `down`. What the keeper's
                      next daemon arrives at has to be what it is without a death: phase, incarnation, restarts, last
                      exit, restarts in the period, events in their order, each with the same reason, and the number of
                      processes. The siblings are the processes that they were. A request that was answered, or that the
                      journal has, is carried out; one of which neither is true has left no trace whatsoever.
  orphan, retire      The same as restart and down, of an agent that an earlier daemon has started.
  group               As restart, under one_for_all: two agents die and are started again, and one restart is counted.
  child               As up; the calls are those of the agent's own process between its clone and its exec. It goes on
                      when the daemon is dead.
  late                The same, and the process goes on only when the next daemon serves.
  takeover            Agent and daemon are killed; the calls are those of the daemon that comes next, from its exec on.
  bereft              The keeper is killed, which is the parent of what an earlier daemon has started, and such an agent
                      when the daemon has become the keeper: process 1 reaps it, and the end has to be known all the same
                      (Linux 6.15). The calls are those of the daemon that comes next, from its exec on.
  begin               `superv start`, from the daemon's exec on. Where it reports success the tree is up. Where it does
                      not nothing of it runs, and a second `superv start` succeeds. No agent has been started twice.
  end                 `superv shutdown`. When the journal has it or it is answered all ends, and the next `superv start`
                      begins a new tree; else all runs on until it is asked again.

After each death the keeper is killed too, and nothing of the outcome may change: what looked right for a moment only would
be wrong then. How many calls a phase takes is not quite the same each time, so that a few deaths are missed; they are
counted. Exit status 0 when no outcome was wrong.
"""

import argparse
import os
import platform
import random
import re
import sys
import tempfile
import time

import tracing
from survive import PATIENCE, kill, started
from trees import PARTNERS, SIBLING, SUBJECT, Request, Tree, World, Wrong, difference, wait_for

QUIET = 0.4  # seconds without a call after which a phase is over


class Death:
    """After so many stops at system calls the daemon is killed. Each call has two, its entry and its exit."""

    def __init__(self, stops=None):
        self.stops, self.seen, self.call, self.is_spent = stops, 0, None, False

    def is_at(self, stop):
        """Whether it is now. Calls that were under way at the beginning have only an exit."""
        self.seen += 1
        self.call = stop
        self.is_spent = self.seen == self.stops
        return self.is_spent

    def __str__(self):
        if not self.call:
            return "nobody was killed"
        return f"killed {'before' if self.call[0] == 'entry' else 'after'} {tracing.call_name(self.call[1])}, stop {self.stops}"


def run(traced, death, is_over=lambda: True, at_death=lambda: None):
    """Lets a process that is stopped run to its death, or until all is over and quiet."""
    traced.go(to_call=True)
    quiet_since = time.monotonic()
    while True:
        stop = traced.next(QUIET)
        if stop is None:
            if is_over():
                return free(traced)
            if time.monotonic() - quiet_since > PATIENCE:
                raise Wrong("      it does not come to an end")
            continue
        if stop[0] == "ended":
            return
        quiet_since = time.monotonic()
        if stop[0] in ("entry", "exit") and death.is_at(stop):
            at_death()
            return traced.kill()
        traced.go(to_call=True)


def free(traced):
    """Traces a process that runs no longer."""
    traced.interrupt()
    stop = traced.next(PATIENCE)
    if stop is None:
        raise Wrong("      it does not stop")
    if stop[0] != "ended":
        traced.let_go()


def attach(pid, follows=False):
    """Traces a process that has nothing to do, which is left in the call in which it waits."""
    traced = tracing.Traced.seize(pid, follows)
    traced.interrupt()
    while traced.next(0.02 if traced.call >= 0 else 1.0) is not None:
        traced.go(to_call=True)
    return traced


def executed(traced, role):
    """Follows a process that is stopped, and those that it starts, until one has executed superv in this role.

    Returns: that one, stopped; the others are let go.
    """
    alive = [traced]
    traced.go(to_call=False)
    until = time.monotonic() + PATIENCE
    while alive and time.monotonic() < until:
        for one in list(alive):
            stop = one.next(0)
            if stop is None:
                continue
            if stop[0] == "ended":
                alive.remove(one)
                continue
            if stop[0] == "born":
                alive.append(tracing.Traced(stop[1]))
            if stop[0] == "executed":
                with open(f"/proc/{one.pid}/cmdline", "rb") as file:
                    if file.read().split(b"\0")[1:2] == [role.encode()]:
                        for other in alive:
                            if other is not one:
                                free(other)
                        one.follow(False)
                        return one
            one.go(to_call=False)
    raise Wrong(f"      nobody has become superv {role}")


class Phases:
    """What is done to a tree, so that its daemon has something to do. Each phase raises `Wrong`."""

    def __init__(self, world, usual):
        """`usual` has what becomes of each phase without a death, as far as it is known."""
        self.world, self.usual = world, usual

    def all_up(self):
        self.world.ask("up", SUBJECT, SIBLING, *PARTNERS)

    def settle(self, phase, tree, death, is_wished=True):
        """What has come of a death is what comes without one, and stays so; or nothing at all."""
        if not death.is_spent:
            found = tree.outcome()
            if phase not in self.usual:
                if found[PHASES[phase][0]][:5:2] != PHASES[phase][1] or "roles" in found or "left over" in found:
                    raise Wrong(f"      without a death: {found}")
                self.usual[phase] = found
            elif found != self.usual[phase]:
                tree.settle([self.usual[phase]])
            return
        found = tree.settle([self.usual[phase] if is_wished else tree.before])
        self.world.change_keeper()
        tree.settle([found])

    def ask(self, phase, death, method):
        """A request is made."""
        tree, daemon = Tree(self.world.superv, self.world.log), attach(self.world.daemon)
        request, wishes = Request(self.world.superv, method, names=[SUBJECT]), []
        run(daemon, death, at_death=lambda: wishes.append(tree.journal_has(f'"request":{{"_0":"{method}"'.encode())))
        wait_for("an answer, or none", request.is_over)
        self.settle(phase, tree, death, is_wished=request.is_answered() or any(wishes))

    def lose(self, phase, death, name=SUBJECT):
        """An agent is killed."""
        tree, daemon = Tree(self.world.superv, self.world.log), attach(self.world.daemon)
        kill(tree.agents[name]["pid"])
        run(daemon, death)
        self.settle(phase, tree, death)

    def up(self, death):
        self.all_up()
        self.world.ask("down", SUBJECT)
        self.ask("up", death, "up")

    def down(self, death):
        self.all_up()
        self.world.ask("restart", SUBJECT)
        self.ask("down", death, "down")

    def retire(self, death):
        self.all_up()
        self.world.change_keeper()
        self.ask("retire", death, "down")

    def restart(self, death):
        self.all_up()
        self.world.ask("restart", SUBJECT)
        self.lose("restart", death)

    def orphan(self, death):
        self.all_up()
        self.world.change_keeper()
        self.lose("orphan", death)

    def group(self, death):
        self.all_up()
        self.world.ask("restart", "group")
        self.lose("group", death, "left")

    def child(self, death, is_late=False):
        self.all_up()
        self.world.ask("down", SUBJECT)
        tree, daemon = Tree(self.world.superv, self.world.log), attach(self.world.daemon, follows=True)
        request = Request(self.world.superv, "up", names=[SUBJECT])
        stop = daemon.next(PATIENCE)
        while stop[0] != "born":
            daemon.go(to_call=False)
            stop = daemon.next(PATIENCE)
        child = tracing.Traced(stop[1])
        child.next(1.0)
        daemon.go(to_call=False)
        has_executed = False
        while not death.is_spent and not has_executed:
            child.go(to_call=True)
            stop = child.next(PATIENCE)
            has_executed = stop[0] == "executed"
            if stop[0] in ("entry", "exit") and death.is_at(stop):
                daemon.kill()
        if death.is_spent and is_late:
            self.world.superv.wait()
        child.let_go()
        child.next(0)
        if not death.is_spent:
            free(daemon)
            wait_for("the answer", request.is_answered)
            time.sleep(QUIET)
        self.settle("late" if is_late else "child", tree, death)

    def late(self, death):
        self.child(death, is_late=True)

    def takeover(self, death):
        self.all_up()
        self.world.ask("restart", SUBJECT)
        tree = Tree(self.world.superv, self.world.log)
        daemon, keeper = self.world.daemon, tracing.Traced.seize(self.world.keeper, follows=True)
        keeper.interrupt()
        keeper.next(1.0)
        kill(daemon, tree.agents[SUBJECT]["pid"])
        run(executed(keeper, "daemon"), death)
        self.settle("takeover", tree, death)

    def bereft(self, death):
        self.all_up()
        self.world.ask("restart", SUBJECT)
        self.world.change_keeper()
        tree = Tree(self.world.superv, self.world.log)
        keeper, subject = self.world.keeper, tree.agents[SUBJECT]["pid"]
        daemon = tracing.Traced.seize(self.world.daemon, follows=True)
        daemon.interrupt()
        daemon.next(1.0)
        kill(keeper)
        new_keeper = executed(daemon, "keeper")
        kill(subject)
        wait_for("process 1 reaps an agent", lambda: started(subject) is None)
        new_keeper.follow(True)
        run(executed(new_keeper, "daemon"), death)
        wait_for("how the agent has ended", lambda: "SIGKILL" in str(tree.story()))
        self.settle("bereft", tree, death)

    def begin(self, death):
        world = self.world
        tree = Tree(world.superv, world.log)
        world.stop()
        tree.ends(world.log.read())
        command, gate = start_waiting(world.superv)
        starter = tracing.Traced.seize(command, follows=True)
        os.close(gate)
        run(executed(starter, "daemon"), death)
        status = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
        if status != 0:
            with open(f"{world.superv.folder}/start.txt") as file:
                said = file.read()
            wait_for(f"nothing is left of a start that failed ({said})", world.is_gone)
            if tree.story() or not death.is_spent:
                raise Wrong(f"      a start should not have failed, or has started something: {said}")
            world.superv.start()
        self.settle("begin", tree, death)

    def end(self, death):
        world, tree = self.world, Tree(self.world.superv, self.world.log)
        daemon, wishes = attach(world.daemon), []
        request = Request(world.superv, "shutdown")
        run(daemon, death, at_death=lambda: wishes.append(tree.journal_has(b'"shutdown"')))
        wait_for("an answer, or none", request.is_over)
        if death.is_spent and not request.is_answered() and not any(wishes):
            tree.settle([tree.before])
            world.stop()
        wait_for("the end of superv", world.is_gone)
        story = tree.story()
        if self.usual.setdefault("end, story", story) != story:
            raise Wrong(difference(story, [self.usual["end, story"]]))
        tree.ends(tree.last_event)
        world.superv.start()
        self.settle("end", tree, death)


# What each phase does to which agent when nobody dies: its phase, its processes, how much its incarnation grows.
STARTED, STOPPED = ("running", 1, 1), ("stopped", 0, 0)
PHASES = {
    "up": (SUBJECT, STARTED), "restart": (SUBJECT, STARTED), "down": (SUBJECT, STOPPED), "orphan": (SUBJECT, STARTED),
    "retire": (SUBJECT, STOPPED), "group": ("right", STARTED), "child": (SUBJECT, STARTED), "late": (SUBJECT, STARTED),
    "takeover": (SUBJECT, STARTED), "bereft": (SUBJECT, STARTED), "begin": (SIBLING, STARTED), "end": (SIBLING, STARTED)}


def start_waiting(superv):
    """A child that executes `superv start` when a pipe is closed.

    Returns: its pid, and the end of the pipe.
    """
    reader, gate = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(gate)
        os.read(reader, 1)
        log = os.open(f"{superv.folder}/start.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.execve(superv.executable, ["superv", "start", f"{superv.folder}/superv.conf"], superv.environment)
    os.close(reader)
    return pid, gate


class Row:
    """What a phase has come to."""

    def __init__(self, phase, stops):
        self.phase, self.stops, self.kills, self.missed, self.wrong = phase, stops, 0, 0, 0


def some_stops(row, count, dice):
    """So many, evenly spread."""
    step = row.stops / max(1, count)
    first = dice.uniform(0, step)
    return [1 + int(first + index * step) for index in range(count)]


class Runs:
    """All phases, one after the other."""

    def __init__(self, options, folder):
        self.options, self.folder, self.count, self.usual = options, folder, 0, {}
        self.begin()

    def begin(self):
        """A new world: the first one, or after one that went wrong."""
        self.count += 1
        self.world = World(os.path.abspath(self.options.superv), f"{self.folder}/{self.count}")
        self.phases = Phases(self.world, self.usual)

    def measure(self, phase):
        """Nobody is killed.

        Returns: how many stops there are.
        """
        getattr(self.phases, phase)(death := Death())
        return death.seen

    def attempt(self, row, stops):
        death = Death(stops)
        try:
            getattr(self.phases, row.phase)(death)
        except (Wrong, OSError) as why:
            row.wrong += 1
            print(f"NOT OK  {row.phase}: {death}\n{why}\n{self.world.sight()}", flush=True)
            self.world.destroy()
            self.begin()
        row.kills += death.is_spent
        row.missed += not death.is_spent


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--superv", default=os.path.join(here, "../../.build/release/superv"))
    parser.add_argument("--phases", default=",".join(PHASES))
    parser.add_argument("--kills", type=int, help="so many, the same number in each phase; without it, all there are")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--keep", help="use this folder, and leave everything in it")
    options = parser.parse_args()
    if why := tracing.why_not():
        print(f"NOT TESTED: nobody may be traced here: {why}")
        return 0
    phases = options.phases.split(",")
    if "bereft" in phases and [int(part) for part in re.findall(r"\d+", platform.release())[:2]] < [6, 15]:
        print("NOT TESTED: bereft: this kernel does not say how a process ended that another one has reaped")
        phases.remove("bereft")
    dice = random.Random(options.seed)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as temporary:
        runs = Runs(options, options.keep or temporary)
        try:
            rows = [Row(phase, runs.measure(phase)) for phase in phases]
            deaths = [(row, stop) for row in rows for stop in range(1, row.stops + 1)]
            if options.kills:
                deaths = [(row, stop) for row in rows for stop in some_stops(row, options.kills // len(rows), dice)]
            for row, stop in deaths:
                runs.attempt(row, stop)
            runs.world.stop()
        finally:
            runs.world.destroy()
    print(f"{'phase':10} {'calls':>6} {'kills':>6} {'missed':>6} {'wrong':>6}   seed {options.seed}")
    for row in rows:
        print(f"{row.phase:10} {(row.stops + 1) // 2:6} {row.kills:6} {row.missed:6} {row.wrong:6}")
    return min(1, sum(row.wrong for row in rows))


if __name__ == "__main__":
    sys.exit(main())

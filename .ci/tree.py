"""The processes of a superv tree, each known by pid and start time, so that a pid used again by
somebody else is never mistaken for one of ours.

    tree.py running   reads `superv status --json`; prints the tree's processes, or fails while an
                      agent does not run
    tree.py left      reads what `running` printed; fails when one of them lives after 10 s
    tree.py kill      reads the same; kills those that live, and fails when there were any
"""

import json
import os
import signal
import sys
import time


def stat(pid):
    """(parent, start time) of a living process, else None."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else (int(fields[1]), int(fields[19]))


def descendants(roots):
    processes = {int(name): stat(name) for name in os.listdir("/proc") if name.isdigit()}
    found = {pid for pid in roots if processes.get(pid)}
    while more := {
        pid for pid, seen in processes.items() if seen and seen[0] in found and pid not in found
    }:
        found |= more
    return {pid: processes[pid][1] for pid in found}


def is_well(agent):
    """It runs, or it was a job that is done."""
    if agent["phase"] == "exited":
        return agent["exit"]["class"] == "normal"
    return agent["phase"] == "running"


def running():
    status = json.load(sys.stdin)
    agents = status["agents"]
    waited_for = [agent["name"] for agent in agents if not is_well(agent)]
    if not agents or waited_for:
        print("waiting for", ", ".join(waited_for) or "agents", file=sys.stderr)
        return 1
    daemon = status["daemon"]
    roots = [daemon["pid"], daemon.get("keeper_pid")] + [agent["pid"] for agent in agents]
    for pid, started in descendants({pid for pid in roots if pid}).items():
        print(pid, started)
    return 0


def survivors(tree):
    return [pid for pid, started in tree if (seen := stat(pid)) and seen[1] == started]


def read_tree():
    return [tuple(map(int, line.split())) for line in sys.stdin]


def left():
    tree = read_tree()
    if not tree:
        print("no processes to look for", file=sys.stderr)
        return 1
    deadline = time.monotonic() + 10
    while (alive := survivors(tree)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in alive:
        with open(f"/proc/{pid}/cmdline") as file:
            print("left:", pid, file.read().replace("\0", " "), file=sys.stderr)
    return 1 if alive else 0


def kill():
    alive = survivors(read_tree())
    for pid in alive:
        print("killed:", pid, file=sys.stderr)
        os.kill(pid, signal.SIGKILL)
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit({"running": running, "left": left, "kill": kill}[sys.argv[1]]())

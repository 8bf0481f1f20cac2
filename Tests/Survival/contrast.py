#!/usr/bin/env python3
"""Kills process managers, starts them again, stops them, and counts.

    contrast.py [--superv PATH]

Each manager that is installed (superv, supervisord, circusd, s6-svscan, runsvdir) is given one agent, which starts a
child in its own process group, one in a session of its own, and one that has daemonised itself. The manager is killed
with SIGKILL and started again: how many copies of the agent run then? It is stopped in order: what is left?
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

AGENT = """
import os, sys, time
def child(leave):
    if os.fork() == 0:
        leave()
        time.sleep(600)
        os._exit(0)
def daemonise():
    os.setsid()
    if os.fork() > 0:
        os._exit(0)
child(lambda: None)
child(os.setsid)
child(daemonise)
while True:
    time.sleep(600)
"""


def living(mark):
    """The processes with this mark in their environment, each with its parent."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if mark.encode() not in file.read().split(b"\0"):
                    continue
            with open(f"/proc/{pid}/stat") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            found.append((int(pid), int(parent)))
    return found


def write(path, text, mode=0o644):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


def superv(folder, agent, mark, options):
    write(f"{folder}/superv.conf", f"[superv]\nruntime_dir = {folder}/run\nstate_dir = {folder}/state\n"
          f"[agent:a]\ncommand = {agent}\nenvironment = {mark}\n")
    return [options.superv, "run", f"{folder}/superv.conf"], [
        options.superv, "shutdown", "--socket", f"{folder}/run/control.sock"]


def supervisord(folder, agent, mark, options):
    write(f"{folder}/s.conf", f"[supervisord]\nnodaemon=true\npidfile={folder}/pid\nlogfile={folder}/log\n"
          f"[program:a]\ncommand={agent}\nstopasgroup=true\nkillasgroup=true\n")
    return ["supervisord", "-c", f"{folder}/s.conf"], None


def circusd(folder, agent, mark, options):
    write(f"{folder}/c.ini", f"[circus]\nendpoint = ipc://{folder}/e\npubsub_endpoint = ipc://{folder}/p\n"
          f"[watcher:a]\ncmd = {agent}\ncopy_env = True\nstop_children = True\n")
    return ["circusd", f"{folder}/c.ini"], None


def scan(program):
    def prepare(folder, agent, mark, options):
        os.makedirs(f"{folder}/services/a")
        write(f"{folder}/services/a/run", f"#!/bin/sh\nexec {agent}\n", 0o755)
        return [program, f"{folder}/services"], None
    return prepare


MANAGERS = {
    "superv": superv, "supervisord": supervisord, "circusd": circusd, "s6-svscan": scan("s6-svscan"),
    "runsvdir": scan("runsvdir")}


def try_one(name, options):
    mark = f"CONTRAST={os.getpid()}-{name}"
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        write(f"{folder}/agent.py", AGENT)
        start, stop = MANAGERS[name](folder, f"{sys.executable} {folder}/agent.py", mark, options)
        environment = dict(os.environ, XDG_RUNTIME_DIR=folder, **dict([mark.split("=")]))
        log = open(f"{folder}/out", "w")

        def run():
            manager = subprocess.Popen(start, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True)
            time.sleep(4)
            return manager

        def agents():
            return [pid for pid, _ in living(mark) if is_agent(pid, folder)]

        try:
            manager = run()
            before = agents()
            # What decides in superv is the daemon; of the others, whatever keeps the agent.
            victims = [manager.pid] + [pid for pid, parent in living(mark) if pid != manager.pid and is_manager(pid, folder)]
            for pid in victims:
                os.kill(pid, signal.SIGKILL)
            manager.wait()
            manager = run()
            copies = agents()
            same = set(before) & set(copies)
            if stop:
                subprocess.run(stop, env=environment, stdout=log, stderr=log, timeout=60)
            else:
                manager.terminate()
            try:
                manager.wait(timeout=30)
            except subprocess.TimeoutExpired:
                manager.kill()
                manager.wait()
            time.sleep(1)
            left = living(mark)
            print(f"{name:12} {len(copies):6} {'yes' if same and len(copies) == 1 else 'no':>8} {len(left):10}")
        finally:
            for pid, _ in living(mark):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            log.close()


def words(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")
    except OSError:
        return []


def is_agent(pid, folder):
    """The first process of an agent, which alone has children: those that it started have none."""
    return f"{folder}/agent.py" in words(pid) and has_children(pid)


def has_children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return bool(file.read().split())
    except OSError:
        return False


def is_manager(pid, folder):
    """Supervisors of one service, as s6 and runit have; superv's daemon, beside its keeper."""
    name = os.path.basename(words(pid)[0]) if words(pid) else ""
    return name in ("s6-supervise", "runsv") or words(pid)[:2] == ["superv", "daemon"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--superv", default=os.path.join(here, "../../.build/release/superv"))
    options = parser.parse_args()
    options.superv = os.path.abspath(options.superv)
    print(f"{'':12} {'copies':>6} {'the same':>8} {'left after':>10}")
    print(f"{'':12} {'':6} {'process':>8} {'a stop':>10}")
    for name in MANAGERS:
        if name != "superv" and not shutil.which(name):
            print(f"{name:12} not installed")
            continue
        try_one(name, options)


if __name__ == "__main__":
    main()

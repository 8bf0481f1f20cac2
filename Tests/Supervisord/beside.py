#!/usr/bin/env python3
"""Runs configurations that other people wrote under supervisord and under superv, and compares what becomes of them.

    beside.py --corpus FOLDER [--superv PATH] [--files N] [NNN …]

Each file runs unchanged, in a copy of the machine's files that is thrown away after it (mount namespace, overlay), with
stand-ins in the place of the programs that it names. Compared are: which processes there are, under which names and in which
states; their arguments, environment, folder, umask and user, and what their input is; what follows when they exit with 0 or
with 1, get a signal, are stopped and are started again; the log files and what is in them; what supervisorctl says. Needs
root, and supervisord and supervisorctl in PATH. Exit status 0 when all is the same.
"""

import argparse
import collections
import glob
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGURATION = "/etc/supervisor/supervisord.conf"
PATIENCE = 30.0
MANAGERS = ("supervisord", "superv")


def usable(path):
    """What the parser made of a file, if it can be run here."""
    with open(path) as file:
        found = json.load(file)
    if found["mode"] != "main" or not found["ok"] or not any(one["kind"] == "unix" for one in found["http_servers"]):
        return None
    if any(group["kind"] != "group" for group in found["groups"]):
        return None
    processes = [one for group in found["groups"] for one in group["processes"]]
    is_quick = all(one["startsecs"] <= 5 and one["argv"] for one in processes)
    return found if processes and len(processes) <= 12 and is_quick else None


# In the copy of the machine


class Machine:
    """The files of this machine, with what a configuration needs beside them."""

    def __init__(self, folder, found, text):
        self.root = f"{folder}/root"
        subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
        for name in ("root", "changes", "work"):
            os.mkdir(f"{folder}/{name}")
        subprocess.run(
            ["mount", "-t", "overlay", "overlay", "-o",
             f"lowerdir=/,upperdir={folder}/changes,workdir={folder}/work", self.root], check=True)
        self.changes = os.open(f"{folder}/changes", os.O_RDONLY)
        for name in ("proc", "sys", "dev"):
            subprocess.run(["mount", "--rbind", f"/{name}", f"{self.root}/{name}"], check=True)
        os.chroot(self.root)
        os.chdir("/")
        self.processes = [one for group in found["groups"] for one in group["processes"]]
        self.main_log = found["supervisord"]["logfile"]
        self.place(CONFIGURATION, text)
        self.add_users(found)
        self.add_folders(found)
        self.add_programs()

    def place(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.remove(path)
        with open(path, "wb" if isinstance(text, bytes) else "w") as file:
            file.write(text)
        os.chmod(path, mode)

    def add_users(self, found):
        with open("/etc/passwd") as file:
            known = {line.split(":")[0] for line in file}
        with open("/etc/passwd", "a") as users, open("/etc/group", "a") as groups:
            named = {one["user"] for one in [*self.processes, found["supervisord"]]}
            wanted = {user for user in named if user and not user.isdigit()}
            for number, user in enumerate(sorted(wanted - known)):
                users.write(f"{user}:x:{7000 + number}:{7000 + number}::/home/{user}:/bin/sh\n")
                groups.write(f"{user}:x:{7000 + number}:\n")

    def add_folders(self, found):
        here = {"${HERE}": os.path.dirname(CONFIGURATION), "${CWD}": "/start", "${TMPDIR}": "/tmp",
                "${HERE_PARENT}": "/etc", "${CWD_PARENT}": "/"}
        def real(path):
            for mark, folder in here.items():
                path = path.replace(mark, folder)
            return path
        self.real = real
        folders = ["/start", "/run", "/tmp"] + [one["directory"] for one in self.processes if one["directory"]]
        for one in self.processes:
            folders += [os.path.dirname(one[key]) for key in ("stdout_logfile", "stderr_logfile")
                        if one[key] and one[key] != "AUTO"]
        folders += [os.path.dirname(found["supervisord"][key]) for key in ("logfile", "pidfile")]
        folders += [found["supervisord"]["childlogdir"], found["supervisord"].get("directory")]
        folders += [os.path.dirname(one.get("file") or "") for one in found["http_servers"]]
        for folder in filter(None, folders):
            folder = os.path.join("/start", real(folder))
            if not os.path.isdir(folder):
                os.makedirs(folder)
                # As the package of a program that runs as its own user would have it.
                if found["supervisord"].get("user"):
                    shutil.chown(folder, found["supervisord"]["user"])

    def add_programs(self):
        os.makedirs("/standins/records", mode=0o777)
        os.chmod("/standins/records", 0o777)
        python = os.path.realpath(sys.executable)
        for folder in pathlib.Path(python).parents:
            # Whoever a program runs as can execute its stand-in.
            os.chmod(folder, os.stat(folder).st_mode | 0o055)
        with open(f"{HERE}/standin.py") as file:
            text = f"#!{python}\n" + file.read()
        for one in self.processes:
            program = self.real(one["argv"][0])
            folder = one["environment"].get("PATH", "/standins/bin").split(":")[0]
            self.place(os.path.join("/start", program if "/" in program else f"{folder}/{program}"), text, 0o755)

    def records(self):
        found = {}
        for path in sorted(glob.glob("/standins/records/*@*"), key=lambda path: int(path.rpartition("@")[2])):
            with open(path) as file:
                found.setdefault(os.path.basename(path).partition("@")[0], []).append(json.load(file))
        return found

    def logs(self):
        """Every file that has come to be and in which a stand-in has left a word, without what is chance in its name."""
        found = {}
        for folder, _, names, place in os.fwalk(".", dir_fd=self.changes):
            for name in names:
                path = os.path.join(folder, name)[1:]
                if path.startswith("/standins") or path == self.real(self.main_log) or not stat.S_ISREG(os.stat(name, dir_fd=place).st_mode):
                    continue
                with open(os.open(name, os.O_RDONLY, dir_fd=place), errors="replace") as file:
                    text = file.read()
                if "begins on <std" in text:
                    found[re.sub(r"(---[^/]*-)[^-/]*\.log$", r"\1X.log", path)] = text.splitlines()
        return found


class Manager:
    def __init__(self, which, superv, machine, found):
        self.which, self.machine = which, machine
        environment = {**found["base_env"], "HOME": "/root", "XDG_RUNTIME_DIR": "/run/test", **found["env"],
                       "PATH": "/standins/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:" + TOOLS}
        os.makedirs("/run/test", mode=0o700, exist_ok=True)
        command = [SUPERVISORD, "-n", "-c", CONFIGURATION] if which == "supervisord" else [superv, "run", CONFIGURATION]
        self.process = subprocess.Popen(
            [PYTHON] * (which == "supervisord") + command, env=environment, cwd="/start", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        self.environment, self.lines = environment, []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True)
        self.reader.start()

    def ctl(self, *words):
        answer = subprocess.run(
            [PYTHON, SUPERVISORCTL, "-s", f"unix://{SOCKETS[0]}", *words], env=self.environment, cwd="/start", text=True,
            capture_output=True, timeout=120)
        return [line.rstrip() for line in (answer.stdout + answer.stderr).splitlines()]

    def states(self):
        rows = [line.split(None, 2) for line in self.ctl("status")]
        return {row[0]: row[1] for row in rows if len(row) > 1 and row[1].isupper()}

    def settle(self, wanted=None):
        """Waits until nothing is on its way any more, for a while."""
        until, last, same = time.monotonic() + PATIENCE, None, 0
        while same < 4 and time.monotonic() < until:
            states = self.states()
            records = {name: len(rows) for name, rows in self.machine.records().items()}
            is_still = states and not {"STARTING", "BACKOFF", "STOPPING"} & set(states.values())
            same = same + 1 if is_still and (states, records) == last else 0
            last = states, records
            time.sleep(0.25)
        return last[0]


def play(which, superv, machine, found):
    """Everything that is done to a tree, and what was seen."""
    manager, seen = Manager(which, superv, machine, found), {}
    try:
        seen["states at first"] = manager.settle()
        keep = ("name", "argv", "cwd", "umask", "uid", "gid", "groups", "environment", "input", "outputs are one",
                "leads its group")
        records = machine.records()
        seen["processes"] = {name: {key: rows[0][key] for key in keep} for name, rows in records.items()}
        running = sorted(records)
        for index, name in enumerate(running):
            os.kill(records[name][-1]["pid"], signal.SIGUSR2 if index % 2 else signal.SIGUSR1)
        time.sleep(0.5)
        seen["states after exits"] = manager.settle()
        seen["starts after exits"] = {name: len(rows) for name, rows in machine.records().items()}
        first = next((name for name, state in sorted(seen["states after exits"].items()) if state == "RUNNING"), None)
        if first:
            seen["signal"] = manager.ctl("signal", "HUP", first)
            seen["restart"] = manager.ctl("restart", first)
        seen["stop all"] = sorted(manager.ctl("stop", "all"))
        seen["states when stopped"] = manager.settle()
        if first:
            seen["start"] = manager.ctl("start", first)
            seen["start again"] = manager.ctl("start", first)
        seen["start nobody"] = manager.ctl("start", "nobody")
        seen["avail"] = manager.ctl("avail")
        seen["states in the end"] = manager.settle()
        seen["shutdown"] = manager.ctl("shutdown")
        manager.process.wait(timeout=PATIENCE)
        living = [row["pid"] for rows in machine.records().values() for row in rows if is_standin(row["pid"])]
        seen["left behind"] = len(living)
        time.sleep(0.3)
        seen["logs"] = machine.logs()
        if any(one[key] in ("/dev/stdout", "/dev/stderr") for one in machine.processes for key in ("stdout_logfile", "stderr_logfile")):
            manager.reader.join(PATIENCE)
            seen["standard output"] = sorted(line for line in manager.lines if " on <std" in line)
    finally:
        manager.process.kill()
        manager.process.wait()
        for rows in machine.records().values():
            for row in rows:
                if is_standin(row["pid"]):
                    os.kill(row["pid"], signal.SIGKILL)
    return seen


def is_standin(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return b"SUPERVISOR_PROCESS_NAME=" in file.read()
    except OSError:
        return False


def inside(arguments):
    """One file under one manager; what was seen goes to standard output."""
    global PYTHON, SUPERVISORD, SUPERVISORCTL, SOCKETS, TOOLS
    which, superv, corpus, number, folder = arguments
    PYTHON, SUPERVISORD, SUPERVISORCTL = tools()
    TOOLS = os.path.dirname(SUPERVISORD)
    with open(f"{corpus}/{number}.expected.json") as file:
        found = json.load(file)
    with open(f"{corpus}/{number}.conf", "rb") as file:
        text = file.read()
    machine = Machine(folder, found, text)
    SOCKETS = [machine.real(one["file"]) for one in found["http_servers"] if one.get("file")]
    print(json.dumps(play(which, superv, machine, found)))
    return 0


def tools():
    """Python as supervisord's own scripts name it, and those two."""
    supervisord, supervisorctl = shutil.which("supervisord"), shutil.which("supervisorctl")
    if not supervisord or not supervisorctl:
        return None
    with open(supervisord) as file:
        return file.readline()[2:].strip(), os.path.realpath(supervisord), os.path.realpath(supervisorctl)


# Outside


def run(which, options, number):
    with tempfile.TemporaryDirectory() as folder:
        answer = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", sys.executable, os.path.abspath(__file__), "--inside", which,
             os.path.abspath(options.superv), options.corpus, number, folder],
            capture_output=True, text=True, timeout=300)
    if answer.returncode != 0:
        return {"failure": answer.stderr[-2000:]}
    return json.loads(answer.stdout.splitlines()[-1])


def differences(one, other, path=""):
    """What is in one and not the same in the other."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [text for key in sorted({*one, *other}) for text in differences(one.get(key), other.get(key), f"{path} / {key}")]
    if isinstance(one, list) and isinstance(other, list) and sorted(one) != sorted(other):
        lines = collections.Counter(one), collections.Counter(other)
        one, other = list((lines[0] - lines[1]).elements()), list((lines[1] - lines[0]).elements())
    return [] if one == other else [f"{path}: supervisord {one!r}, superv {other!r}"]


def main():
    if sys.argv[1:2] == ["--inside"]:
        return inside(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--superv", default=os.path.join(HERE, "../../.build/release/superv"))
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("numbers", nargs="*")
    options = parser.parse_args()
    options.corpus = os.path.abspath(options.corpus)
    if os.geteuid() != 0 or not tools():
        print("NOT TESTED: side by side with supervisord: it needs root, and supervisord and supervisorctl in PATH")
        return 0
    numbers = options.numbers or [
        os.path.basename(path)[:-len(".expected.json")]
        for path in sorted(glob.glob(f"{options.corpus}/*.expected.json")) if usable(path)][:options.files]
    is_same = True
    for number in numbers:
        seen = [run(which, options, number) for which in MANAGERS]
        found = differences(*seen) + [f" / {which}: {one['failure']}" for which, one in zip(MANAGERS, seen) if "failure" in one]
        is_same = is_same and not found
        count, logs = len(seen[0].get("processes", ())), len(seen[0].get("logs", ()))
        print(f"{'NOT OK' if found else 'ok':8}{number}: {count} processes, {logs} log files", flush=True)
        for text in found:
            print(f"          {text.removeprefix(' / ')[:600]}", flush=True)
    return 0 if is_same else 1


if __name__ == "__main__":
    sys.exit(main())

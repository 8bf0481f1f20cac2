#!/usr/bin/env python3
"""Where the output of programs goes, and sockets that they share: the same tree under supervisord and under superv.

    streams.py [--superv PATH]

strip_ansi, syslog with and without a file, standard error in standard output, and two processes of a fcgi-program at one
socket. The log of the system is a stand-in in a mount namespace. Needs root, and supervisord in PATH. Exit status 0 when all is
the same.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 30.0
CONFIGURATION = r"""
[supervisord]
logfile = %(here)s/supervisord.log
pidfile = %(here)s/pid
childlogdir = %(here)s
strip_ansi = true
nodaemon = true
[program:coloured]
command = sh -c 'printf "\033[31mred\033[0m and \033[1mbold\033[0m\n"; printf "\033[32mgreen" >&2; exec sleep 1000'
stdout_logfile = %(here)s/coloured.out
stderr_logfile = %(here)s/coloured.err
[program:told]
command = sh -c 'echo to the system; echo twice; echo wrong >&2; exec sleep 1000'
stdout_syslog = true
stdout_logfile = NONE
stderr_logfile = syslog
[program:both]
command = sh -c 'echo to both; echo wrong >&2; exec sleep 1000'
stdout_syslog = true
stdout_logfile = %(here)s/both.out
redirect_stderr = true
[fcgi-program:served]
command = python3 %(here)s/served.py
socket = unix://%(here)s/served.sock
socket_mode = 0640
numprocs = 2
process_name = served_%(process_num)d
"""
SERVED = """
import os, socket, sys
door = socket.socket(fileno=0)
while True:
    caller, _ = door.accept()
    caller.sendall(os.environ["SUPERVISOR_PROCESS_NAME"].encode())
    caller.close()
"""


def make_devices(folder):
    """A /dev of our own, whose log is ours to read."""
    devices = f"{folder}/dev"
    os.mkdir(devices)
    subprocess.run(["mount", "-t", "tmpfs", "none", devices], check=True)
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        open(f"{devices}/{name}", "w").close()
        subprocess.run(["mount", "--bind", f"/dev/{name}", f"{devices}/{name}"], check=True)
    for name in ("pts", "shm"):
        os.mkdir(f"{devices}/{name}")
        subprocess.run(["mount", "--rbind", f"/dev/{name}", f"{devices}/{name}"], check=True)
    for name, target in {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}.items():
        os.symlink(f"/proc/self/fd{target}", f"{devices}/{name}")
    subprocess.run(["mount", "--rbind", devices, "/dev"], check=True)
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind("/dev/log")
    log.settimeout(PATIENCE)
    return log


def told(log, count):
    """So many messages, without their times and pids."""
    found = []
    for _ in range(count):
        text = log.recv(65536).decode().rstrip("\0")
        found.append(re.sub(r"^(<\d+>)(?:\w{3} [ \d]\d [\d:]{8} )?[^ :\[]+(?:\[\d+\])?: ", r"\1", text))
    return sorted(found)


def read(path):
    with open(path) as file:
        return file.read()


def wait_for(what, condition):
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise SystemExit(f"waited in vain: {what}")
        time.sleep(0.05)


def ask(path):
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(PATIENCE)
        caller.connect(path)
        return caller.recv(100).decode()


def play(command, folder):
    """What one manager makes of it."""
    log = make_devices(folder)
    with open(f"{folder}/tree.conf", "w") as file:
        file.write(CONFIGURATION)
    with open(f"{folder}/served.py", "w") as file:
        file.write(SERVED)
    seen = {}
    environment = {**os.environ, "XDG_RUNTIME_DIR": folder}
    with open(f"{folder}/manager", "w") as output:
        manager = subprocess.Popen(
            [*command, f"{folder}/tree.conf"], stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=environment)
    try:
        seen["the system is told"] = told(log, 5)
        wait_for("coloured words", lambda: os.path.exists(f"{folder}/coloured.err") and "green" in read(f"{folder}/coloured.err")
                 and "bold" in read(f"{folder}/coloured.out"))
        for name in ("coloured.out", "coloured.err", "both.out"):
            seen[name] = read(f"{folder}/{name}")
        place = f"{folder}/served.sock"
        wait_for("a socket", lambda: os.path.exists(place))
        seen["socket"] = oct(stat.S_IMODE(os.stat(place).st_mode))
        answers = set()
        wait_for("both answer", lambda: answers.add(ask(place)) or len(answers) == 2)
        seen["answers"] = sorted(answers)
    finally:
        manager.send_signal(signal.SIGTERM)
        try:
            seen["exit status"] = manager.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            manager.kill()
            manager.wait()
    seen["socket is gone"] = not os.path.exists(f"{folder}/served.sock")
    return seen


def inside(folder, command):
    for key, value in play(command, folder).items():
        print(f"{key}: {value!r}")
    return 0


def main():
    if sys.argv[1:2] == ["--inside"]:
        return inside(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--superv", default=os.path.join(HERE, "../../.build/release/superv"))
    options = parser.parse_args()
    supervisord = shutil.which("supervisord")
    if os.geteuid() != 0 or not supervisord:
        print("NOT TESTED: outputs and sockets beside supervisord: it needs root, and supervisord in PATH")
        return 0
    answers = []
    for command in ([supervisord, "-n", "-c"], [os.path.abspath(options.superv), "run"]):
        with tempfile.TemporaryDirectory() as folder:
            answer = subprocess.run(
                ["unshare", "--mount", "--propagation", "private", sys.executable, os.path.abspath(__file__), "--inside", folder,
                 *command], capture_output=True, text=True, timeout=200)
            answers.append((answer.stdout + answer.stderr).replace(folder, "FOLDER"))
    print(answers[0], end="")
    if answers[0] == answers[1]:
        print("superv: the same")
        return 0
    print(f"superv does not do the same:\n{answers[1]}", end="")
    return 1


if __name__ == "__main__":
    sys.exit(main())

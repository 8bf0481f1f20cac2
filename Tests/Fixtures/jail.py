"""An agent that tries what it must not be able to do, prints what came of it as one line of JSON,
and stays. What is tried beside superv and the siblings comes as arguments: `write:PATH`,
`truncate:PATH`, `read:PATH`, `connect:PORT`, `bind:PORT`, `chown:PATH`."""

import ctypes
import errno
import json
import os
import signal
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)
results = {}


def attempt(name, action, *arguments):
    try:
        action(*arguments)
        results[name] = "done"
    except OSError as error:
        results[name] = errno.errorcode.get(error.errno, str(error.errno))


def opened(path, mode):
    with open(path, mode, buffering=0) as file:
        if "r" in mode and not os.path.isdir(path):
            file.read(1)


def trace(pid):
    attach, detach = 16, 17
    if libc.ptrace(attach, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    os.waitpid(pid, 0)
    libc.ptrace(detach, pid, None, None)


def connect(port):
    with socket.create_connection(("127.0.0.1", port), timeout=30):
        pass


def bind(port):
    with socket.socket() as end:
        end.bind(("127.0.0.1", port))


def parent(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def others():
    """superv's own processes and all other agents, by pid."""
    daemon = os.getppid()
    with open(f"/proc/{daemon}/task/{daemon}/children") as file:
        siblings = [int(pid) for pid in file.read().split() if int(pid) != os.getpid()]
    keeper = parent(daemon)
    with open(f"/proc/{keeper}/task/{keeper}/children") as file:
        siblings += [int(pid) for pid in file.read().split() if int(pid) != daemon]
    return {"daemon": daemon, "keeper": keeper} | {f"sibling {pid}": pid for pid in siblings}


if "blind" not in sys.argv:  # it could not read who they are
    for name, pid in others().items():
        for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
            attempt(f"{number.name} {name}", os.kill, pid, number)
        attempt(f"SIGKILL group {name}", os.killpg, pid, signal.SIGKILL)
        attempt(f"trace {name}", trace, pid)
        attempt(f"environ {name}", opened, f"/proc/{pid}/environ", "rb")
        attempt(f"memory {name}", opened, f"/proc/{pid}/mem", "r+b")

child = os.fork()
if child == 0:
    signal.pause()
attempt("SIGKILL own child", os.kill, child, signal.SIGKILL)
os.waitpid(child, 0)

actions = {
    "write": lambda path: opened(path, "ab"),
    "truncate": lambda path: os.truncate(path, 0),
    "read": lambda path: opened(path, "rb"),
    "connect": lambda port: connect(int(port)),
    "bind": lambda port: bind(int(port)),
    "chown": lambda path: os.chown(path, 1, 1),
}
for argument in sys.argv[1:]:
    kind, _, what = argument.partition(":")
    if kind in actions:
        attempt(argument, actions[kind], what)

print("TRIED " + json.dumps(results, ensure_ascii=False), flush=True)
signal.pause()

"""Stands in for the program of a configuration: writes down how it was started, and does as it is told.

SIGUSR1: exits with 0. SIGUSR2: exits with 1. SIGHUP: says so, and goes on. Any other signal that asks it to end: says so,
and exits with 0. Says what it does on both outputs, with the number of this start and nothing that differs from run to run.
"""

import json
import os
import signal
import stat
import sys

RECORDS = "/standins/records"
ENDING = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP]


def main():
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    name = f"{os.environ.get('SUPERVISOR_GROUP_NAME')}:{os.environ.get('SUPERVISOR_PROCESS_NAME')}"
    count = sum(one.startswith(f"{name}@") for one in os.listdir(RECORDS)) + 1
    umask = os.umask(0)
    os.umask(umask)
    what = {
        "name": name, "argv": sys.argv, "cwd": os.getcwd(), "umask": oct(umask), "uid": os.getuid(), "gid": os.getgid(),
        "groups": sorted(os.getgroups()), "pid": os.getpid(),
        "environment": {key: value for key, value in os.environ.items() if not key.startswith("SUPERV_")},
        "input": stat.S_IFMT(os.fstat(0).st_mode),
        "outputs are one": os.fstat(1).st_ino == os.fstat(2).st_ino,
        "leads its group": os.getpgrp() == os.getpid()}
    draft = f"{RECORDS}/.{os.getpid()}"
    with open(draft, "w") as file:
        json.dump(what, file)
    os.rename(draft, f"{RECORDS}/{name}@{count}")

    def say(text):
        for stream in (sys.stdout, sys.stderr):
            print(f"{name} start {count}: {text} on {stream.name}", file=stream, flush=True)

    say("begins")
    while True:
        got = signal.sigwait(ENDING)
        say(f"got {signal.Signals(got).name}")
        if got != signal.SIGHUP:
            sys.exit(1 if got == signal.SIGUSR2 else 0)


main()

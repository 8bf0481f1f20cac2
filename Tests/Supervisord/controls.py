#!/usr/bin/env python3
"""Asks supervisord and superv the same through supervisorctl, for the same tree, and compares every line of the answers.

    controls.py [--superv PATH]

What differs from run to run (pids, times) is taken out first. Needs supervisord and supervisorctl in PATH. Exit status 0 when
all is the same.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 30.0
CONFIGURATION = """
[unix_http_server]
file = %(here)s/sock
username = somebody
password = {SHA}d033e22ae348aeb5660fc2140aec35850c4da997
[supervisord]
logfile = %(here)s/log/supervisord.log
pidfile = %(here)s/pid
childlogdir = %(here)s/log
nodaemon = true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl = unix://%(here)s/sock
username = somebody
password = admin
[program:talker]
command = sh -c 'echo one; echo two >&2; echo three; exec sleep 1000'
stdout_logfile = %(here)s/log/talker.out
stderr_logfile = %(here)s/log/talker.err
[program:cat]
command = cat
stdout_logfile = %(here)s/log/cat.out
[program:later]
command = sleep 1000
autostart = false
[program:ends]
command = sh -c 'sleep 1.3; exit 7'
exitcodes = 7
[program:broken]
command = sh -c 'exit 3'
startretries = 1
[program:missing]
command = /there/is/no/such/program
startretries = 1
[program:quick]
command = sleep 1.5
startsecs = 0
autorestart = false
[program:many]
command = sleep 1000
process_name = %(program_name)s_%(process_num)02d
numprocs = 3
[program:left]
command = sleep 1000
[program:right]
command = sleep 1000
[group:both]
programs = left, right
"""
CHANGED = CONFIGURATION.replace("[program:later]", "[program:newcomer]").replace("numprocs = 3", "numprocs = 2")
QUESTIONS = [
    "status", "status talker", "status both:*", "status nobody", "status talker nobody many:", "avail", "pid talker", "pid nobody",
    "start talker", "start later", "start nobody", "start broken", "start missing", "start quick", "stop later", "stop later", "stop nobody",
    "restart talker", "restart both:left", "stop both:*", "start both:", "stop many:many_01", "status many:*",
    "signal HUP cat", "signal USR1 nobody", "signal NOSUCH cat", "signal 15 later", "start cat", "signal KILL both:*", "status both:*",
    "tail talker", "tail -6 talker", "tail talker stderr", "tail later", "tail nobody", "tail missing stderr", "clear talker", "tail talker",
    "clear nobody", "clear all", "reread", "update", "add later", "remove talker", "stop talker", "remove talker", "status",
    "avail", "add talker", "add nobody", "remove nobody", "!change", "reread", "avail", "update", "status", "update talker", "add cat",
    "stop all", "status", "start all", "status", "version", "maintail -120", "!tail -f talker", "!maintail -f", "shutdown"]


def uncertain(text):
    """A line without what is chance in it."""
    text = re.sub(r"pid \d+", "pid N", text)
    text = re.sub(r"uptime \d+:\d\d:\d\d", "uptime T", text)
    text = re.sub(r"\b[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M", "DATE", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", "TIME", text)
    return re.sub(r"^\d+$", "N", text)


class Manager:
    def __init__(self, which, superv, folder):
        self.folder = folder
        os.makedirs(f"{folder}/log")
        self.write(CONFIGURATION)
        path = f"{folder}/supervisord.conf"
        command = [shutil.which("supervisord"), "-c", path] if which == "supervisord" else [superv, "run", path]
        self.environment = dict(os.environ, XDG_RUNTIME_DIR=folder, LANG="C.UTF-8", TZ="UTC")
        with open(f"{folder}/out", "w") as out:
            self.process = subprocess.Popen(
                command, env=self.environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def write(self, text):
        with open(f"{self.folder}/supervisord.conf", "w") as file:
            file.write(text)

    def command(self, *words):
        return [shutil.which("supervisorctl"), "-c", f"{self.folder}/supervisord.conf", *words]

    def ask(self, *words):
        answer = subprocess.run(self.command(*words), env=self.environment, text=True, capture_output=True, timeout=90)
        return answer.stdout + answer.stderr + f"exit status {answer.returncode}\n"

    def listen(self, *words):
        """To an answer that has no end, until it has said something and then nothing for a while."""
        process = subprocess.Popen(
            self.command(*words), env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        time.sleep(2.0)
        process.send_signal(signal.SIGINT)
        return process.communicate(timeout=PATIENCE)[0]

    def settle(self):
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            rows = [line.split()[:2] for line in self.ask("status").splitlines()]
            on_its_way = [row for row in rows if row[1:] in (["STARTING"], ["BACKOFF"], ["STOPPING"])]
            # They run for a moment only, and come to rest by themselves.
            if len(rows) > 2 and not on_its_way and not any([name, "RUNNING"] in rows for name in ("ends", "quick")):
                return
            time.sleep(0.2)

    def answers(self):
        found = []
        self.settle()
        for question in QUESTIONS:
            words = question.lstrip("!").split()
            if question == "!change":
                self.write(CHANGED)
                continue
            text = self.listen(*words) if question.startswith("!") else self.ask(*words)
            if "maintail" in words:
                # Both have said it; when what was said before is another matter.
                text = "".join(sorted({line for line in text.splitlines(True) if "talker" in line and "INFO" in line}))
            found.append((question, [uncertain(line.rstrip()) for line in text.replace(self.folder, "HERE").splitlines()]))
            if words[0] in ("start", "restart", "update", "add", "signal"):
                self.settle()
        self.process.wait(timeout=PATIENCE)
        return found

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--superv", default=os.path.join(HERE, "../../.build/release/superv"))
    options = parser.parse_args()
    if not shutil.which("supervisord") or not shutil.which("supervisorctl"):
        print("NOT TESTED: supervisorctl: it needs supervisord and supervisorctl in PATH")
        return 0
    found = []
    for which in ("supervisord", "superv"):
        with tempfile.TemporaryDirectory() as folder:
            manager = Manager(which, os.path.abspath(options.superv), folder)
            try:
                found.append(manager.answers())
            finally:
                manager.end()
    wrong = 0
    for (question, theirs), (_, ours) in zip(*found):
        # What ends at the same moment is told in the order in which it was seen.
        if theirs != ours and sorted(theirs) != sorted(ours):
            wrong += 1
            print(f"NOT OK  {question}\n  supervisord: {theirs}\n  superv:      {ours}")
    print(f"{len(found[0])} questions, {sum(len(lines) for _, lines in found[0])} lines, {wrong} answers not the same")
    return min(1, wrong)


if __name__ == "__main__":
    sys.exit(main())

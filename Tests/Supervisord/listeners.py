#!/usr/bin/env python3
"""Has superlance's event listeners, unmodified, do their work under superv: memmon, httpok and crashmail.

    listeners.py [--superv PATH] [--manager PATH]

A program that eats memory is restarted, one that answers with 500 is restarted, and of one that crashes there is mail. Then
the daemon is killed, and all of it happens again. With --manager that supervisord runs the tree instead, and is not killed.
Exit status 0 when all comes about.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xmlrpc.client

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 40.0
EATER = "import time; eaten = bytearray(80_000_000); time.sleep(1000)"
SITE = """
import http.server, os, sys
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        is_good = not os.path.exists('broken')
        self.send_response(200 if is_good else 500)
        self.end_headers()
    def log_message(self, *words):
        pass
server = http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Answers)
if os.path.exists('broken'):
    os.remove('broken')
server.serve_forever()
"""
CONFIGURATION = """
[unix_http_server]
file = {folder}/sock
[supervisord]
logfile = {folder}/supervisord.log
pidfile = {folder}/pid
childlogdir = {folder}
directory = {folder}
nodaemon = true
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[program:eater]
command = {python} eater.py
[program:site]
command = {python} site_.py {port}
[program:crasher]
command = sh -c 'while ! [ -e crash ]; do sleep 0.1; done; rm crash; exit 5'
[eventlistener:memmon]
command = {bin}/memmon -p eater=40MB
events = TICK_5
[eventlistener:httpok]
command = {bin}/httpok -p site -t 5 http://127.0.0.1:{port}/
events = TICK_5
[eventlistener:crashmail]
command = {bin}/crashmail -p crasher -m somebody -s "sh -c 'cat >> {folder}/mail'"
events = PROCESS_STATE_EXITED
"""


class UnixTransport(xmlrpc.client.Transport):
    """A connection to a Unix socket in the place of one to a host."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def make_connection(self, host):
        import http.client
        import socket
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self.path)
        return connection


class World:
    def __init__(self, options, folder):
        self.folder = folder
        port = 18000 + os.getpid() % 10000
        with open(f"{folder}/eater.py", "w") as file:
            file.write(EATER)
        with open(f"{folder}/site_.py", "w") as file:
            file.write(SITE)
        with open(f"{folder}/supervisord.conf", "w") as file:
            file.write(CONFIGURATION.format(
                folder=folder, python=sys.executable, bin=os.path.dirname(shutil.which("memmon")), port=port))
        path = f"{folder}/supervisord.conf"
        command = [options.manager, "-c", path] if options.manager else [os.path.abspath(options.superv), "run", path]
        with open(f"{folder}/out", "w") as out:
            self.process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=dict(os.environ, XDG_RUNTIME_DIR=folder))

    def info(self):
        server = xmlrpc.client.ServerProxy("http://localhost", transport=UnixTransport(f"{self.folder}/sock"))
        return {one["name"]: one for one in server.supervisor.getAllProcessInfo()}

    def pid(self, name):
        try:
            one = self.info()[name]
            return one["pid"] if one["statename"] == "RUNNING" else 0
        except (OSError, KeyError, xmlrpc.client.Error):
            return 0

    def wait(self, what, condition):
        until = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > until:
                raise AssertionError(f"{what}: in vain")
            time.sleep(0.1)
        print(f"ok      {what}", flush=True)

    def mail(self):
        try:
            with open(f"{self.folder}/mail") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def play(self):
        names = ("eater", "site", "crasher", "memmon", "httpok", "crashmail")
        self.wait("all programs and listeners run", lambda: all(self.pid(name) for name in names))
        listeners = {name: self.pid(name) for name in names[3:]}
        eater, site, before = self.pid("eater"), self.pid("site"), self.mail().count("crasher")
        self.wait("memmon restarts what eats memory", lambda: self.pid("eater") not in (0, eater))
        open(f"{self.folder}/broken", "w").close()
        self.wait("httpok restarts what answers with 500", lambda: self.pid("site") not in (0, site))
        self.wait("the site is well again", lambda: not os.path.exists(f"{self.folder}/broken"))
        open(f"{self.folder}/crash", "w").close()
        self.wait("crashmail writes of a crash", lambda: self.mail().count("crasher") > before)
        if {name: self.pid(name) for name in names[3:]} != listeners:
            raise AssertionError("a listener was restarted")
        return listeners

    def kill_daemon(self, superv):
        environment = dict(os.environ, XDG_RUNTIME_DIR=self.folder)
        status = subprocess.run([superv, "status", "--json"], env=environment, capture_output=True, text=True).stdout
        os.kill(json.loads(status)["daemon"]["pid"], signal.SIGKILL)

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def sight(self):
        for name in ("out", "supervisord.log"):
            with open(f"{self.folder}/{name}", errors="replace") as file:
                print(f"--- {name}\n" + "".join(file.readlines()[-25:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--superv", default=os.path.join(HERE, "../../.build/release/superv"))
    parser.add_argument("--manager")
    options = parser.parse_args()
    if not all(shutil.which(one) for one in ("memmon", "httpok", "crashmail")):
        print("NOT TESTED: superlance's listeners: memmon, httpok and crashmail are not in PATH")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        world = World(options, folder)
        try:
            before = world.play()
            if not options.manager:
                world.kill_daemon(os.path.abspath(options.superv))
                print("        the daemon is killed", flush=True)
                after = world.play()
                print(f"{'ok' if before == after else 'note':8}listeners {before} before, {after} after")
        except AssertionError as why:
            print(f"NOT OK  {why}")
            world.sight()
            return 1
        finally:
            world.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())

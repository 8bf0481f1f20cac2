"""What run.py drives: a superv with a subject and puppets, and the sockets to both."""

import contextlib
import json
import os
import pathlib
import queue
import shutil
import socket
import subprocess
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 60.0  # seconds: a bound for what hangs, never a measure

CONFIGURATION = """
[superv]
runtime_dir = %(here)s/run
state_dir = %(here)s/state
message_max = 64KB

[supervisor:team]
children = mute, puppet, helper, narrow, fragile, mortal, subject{pinged}
intensity = 1000
backoff_base = 0s

{puppets}
[agent:mute]
command = sleep 100000
startsecs = 0s

[agent:vault]
command = sleep 100000
startsecs = 0s

[agent:subject]
command = {command}
environment = CONFORMANCE_SOCKET="%(here)s/subject.sock", SUPERV="{superv}"
ready = declared
drain = 30s
"""
# Short, so that a blocked loop is found out soon; with room for a machine that is busy.
PINGED = """
[agent:pinged]
command = {command}
environment = CONFORMANCE_SOCKET="%(here)s/pinged.sock"
liveness = ping
liveness_interval = 500ms
liveness_timeout = 3s
liveness_failure_threshold = 3
"""
PUPPET = """
[agent:{name}]
command = python3 {script}
environment = PUPPET_SOCKET="%(here)s/{name}.sock"
startsecs = 0s
{keys}
"""
PUPPETS = {
    "puppet": "call_queue = 500",
    "helper": "",
    "mortal": "",
    "narrow": "call_queue = 1",
    "fragile": "breaker_failures = 2\nbreaker_recovery = 10m",
    "friend": "accept_calls_from = subject",
    "stranger": "",
}


class Failed(Exception):
    """A check did not hold."""


def expect(is_so, *what):
    if not is_so:
        raise Failed(" ".join(str(part) for part in what))


def expect_same(got, wanted, what="got"):
    expect(got == wanted, f"{what}: {got!r}, expected {wanted!r}")


def eventually(what, is_so):
    """Looks again until it is so, and returns what was seen."""
    until = time.monotonic() + PATIENCE
    while not (seen := is_so()):
        if time.monotonic() > until:
            raise Failed(f"in {PATIENCE:.0f} s: {what}")
        time.sleep(0.02)
    return seen


# Lines, on every socket here.


class Lines:
    """A connection of JSON lines; everything that comes in is sorted by `take_in` on a thread."""

    def __init__(self, connection):
        self.connection = connection
        self.lock = threading.Lock()
        self.ended = threading.Event()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for line in self.connection.makefile(encoding="utf-8", newline="\n"):
                self.take_in(json.loads(line))
        except (OSError, ValueError):
            pass
        self.ended.set()
        self.take_in(None)

    def write(self, message):
        line = json.dumps(message, ensure_ascii=False).encode() + b"\n"
        with self.lock:
            self.connection.sendall(line)

    def close(self):
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


class Answers:
    """Who waits for which answer."""

    def __init__(self):
        self.lock = threading.Lock()
        self.waiting = {}
        self.last = 0

    def new(self):
        with self.lock:
            self.last += 1
            self.waiting[self.last] = queue.Queue()
            return self.last

    def put(self, number, message):
        if number in self.waiting:
            self.waiting[number].put(message)

    def put_all(self, message):
        for answers in list(self.waiting.values()):
            answers.put(message)

    def take(self, number, what):
        try:
            answer = self.waiting[number].get(timeout=PATIENCE)
        except queue.Empty:
            raise Failed(f"no answer to {what}") from None
        if answer is None:
            raise Failed(f"the connection ended before the answer to {what}")
        return answer


class Refused(Exception):
    """The subject answered with an error: the one that its client threw."""

    def __init__(self, error):
        super().__init__(json.dumps(error))
        self.error = error


class Subject(Lines):
    """The program under test, which does as it is told."""

    def __init__(self, connection):
        self.answers = Answers()
        super().__init__(connection)

    def take_in(self, message):
        if message is None:
            self.answers.put_all(None)
        else:
            self.answers.put(message["n"], message)

    def begin(self, command, **values):
        """Says what to do, and returns what `end` waits with."""
        number = self.answers.new()
        self.write({"n": number, "do": command, **values})
        return number, command

    def end(self, begun):
        answer = self.answers.take(*begun)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer.get("ok")

    def do(self, command, **values):
        return self.end(self.begin(command, **values))

    def call(self, to, method, params=None, timeout_ms=30_000, **more):
        return self.do("call", to=to, method=method, params=params, timeout_ms=timeout_ms, **more)

    def begin_call(self, to, method, params=None, timeout_ms=30_000, **more):
        return self.begin(
            "call", to=to, method=method, params=params, timeout_ms=timeout_ms, **more)

    def error(self, begun):
        """The error that something ends with."""
        try:
            result = self.end(begun)
        except Refused as refusal:
            return refusal.error
        raise Failed(f"expected an error, got {result!r}")

    def call_error(self, *words, **values):
        return self.error(self.begin_call(*words, **values))


class Puppet(Lines):
    """An agent of the script's own: each message of the protocol by hand."""

    def __init__(self, connection):
        self.answers = Answers()
        self.inbox = queue.Queue()
        super().__init__(connection)

    def take_in(self, message):
        if message is None:
            self.answers.put_all(None)
            self.inbox.put(None)
        elif "method" in message:
            self.inbox.put(message)
        else:
            self.answers.put(message["id"], message)

    def send(self, method, /, **params):
        """A notification."""
        self.write({"jsonrpc": "2.0", "method": method, "params": params})

    def begin(self, method, /, **params):
        number = self.answers.new()
        self.write({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return number, method

    def end(self, begun):
        return self.answers.take(*begun)

    def ask(self, method, /, **params):
        answer = self.end(self.begin(method, **params))
        expect("result" in answer, f"{method}: {answer.get('error')}")
        return answer["result"]

    def call(self, to, method, params=None, timeout_ms=30_000, **more):
        """The whole answer: `result` or `error`."""
        return self.end(self.begin(
            "call", to=to, method=method, params=params, timeout_ms=timeout_ms, **more))

    def result(self, *words, **values):
        answer = self.call(*words, **values)
        expect("result" in answer, f"a result, not {answer.get('error')}")
        return answer["result"]

    def next(self, method):
        """The next message from superv, which has to be of this method."""
        try:
            message = self.inbox.get(timeout=PATIENCE)
        except queue.Empty:
            raise Failed(f"no {method} came") from None
        expect(message and message["method"] == method, f"{message} came, not {method}")
        return message

    def next_handle(self, method):
        message = self.next("handle")
        expect_same(message["params"]["method"], method, "method")
        return message

    def answer(self, request, result):
        self.write({"jsonrpc": "2.0", "id": request["id"], "result": result})

    def refuse(self, request, code, message, data=None):
        error = {"code": code, "message": message}
        if data is not None:
            error["data"] = data
        self.write({"jsonrpc": "2.0", "id": request["id"], "error": error})


# superv, and who runs under it.


def start_time(pid):
    """When a process started (proc_pid_stat(5)); with it, a pid is nobody else's."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


class Tree:
    """A superv with the subject and its peers, in a folder of its own."""

    def __init__(self, superv, command, features):
        self.superv, self.command, self.features = superv, command, features
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="superv-conf-", dir=base))
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
        }
        words = " ".join(f'"{word}"' for word in command)
        puppets = "".join(
            PUPPET.format(name=name, script=HERE / "puppet.py", keys=keys)
            for name, keys in PUPPETS.items())
        pinged = "ping" in features
        text = CONFIGURATION.format(
            command=words, superv=superv, puppets=puppets, pinged=", pinged" if pinged else "")
        if pinged:
            text += PINGED.format(command=words)
        (self.folder / "supervisor.conf").write_text(text)
        self.doors = {name: self.listen(name) for name in ("subject", "pinged")}
        self.daemon = None
        self.subject = None
        self.pinged = None

    def listen(self, name):
        door = socket.socket(socket.AF_UNIX)
        door.bind(str(self.folder / f"{name}.sock"))
        door.listen()
        door.settimeout(PATIENCE)
        return door

    def __enter__(self):
        try:
            self.run("start", str(self.folder / "supervisor.conf"))
            pid = self.status()["daemon"]["pid"]
            self.daemon = (pid, start_time(pid))
            self.subject = self.accept("subject")
            if "ping" in self.features:
                self.pinged = self.accept("pinged")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Failed, subprocess.SubprocessError):
            self.run("shutdown", "--timeout", "45s")
        with contextlib.suppress(Failed):
            eventually("the daemon has ended", lambda: not self.daemon_is_alive())
        if self.daemon_is_alive():
            print(f"the daemon {self.daemon[0]} did not end: see {self.folder}", flush=True)
            return
        shutil.rmtree(self.folder, ignore_errors=True)

    def daemon_is_alive(self):
        return self.daemon is not None and start_time(self.daemon[0]) == self.daemon[1]

    def run(self, *words, statuses=(0,)):
        """Runs a command of superv to its end."""
        done = subprocess.run(
            [self.superv, *words], cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=2 * PATIENCE, check=False)
        if done.returncode not in statuses:
            raise Failed(
                f"superv {' '.join(words)} ended with {done.returncode}: "
                f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def status(self):
        return json.loads(self.run("status", "--json"))

    def agent(self, name="subject"):
        return next(agent for agent in self.status()["agents"] if agent["name"] == name)

    def accept(self, name):
        """The next connection of a subject to this script."""
        try:
            connection, _ = self.doors[name].accept()
        except TimeoutError:
            raise Failed(f"{name} did not come; its output:\n{self.run('logs', name)}") from None
        return Subject(connection)

    def wait_for(self, what, is_so, name="subject"):
        def seen():
            agent = self.agent(name)
            return agent if is_so(agent) else None
        return eventually(what, seen)

    def make_ready(self):
        """The subject serves calls."""
        self.subject.do("ready")
        self.wait_for("the subject is ready", lambda agent: agent["ready"])

    @contextlib.contextmanager
    def puppet(self, name="puppet", serves=True):
        """A connection of the script as that agent."""
        path = str(self.folder / f"{name}.sock")
        connection = socket.socket(socket.AF_UNIX)
        eventually(f"{name} is up", lambda: connection.connect_ex(path) == 0)
        puppet = Puppet(connection)
        try:
            puppet.ask("hello", protocol=1, client="puppet/1", serves=serves)
            if serves:
                puppet.ask("ready")
            yield puppet
        finally:
            puppet.close()

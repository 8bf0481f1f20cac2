"""An agent whose children do what they can to outlive it: zoo.py KIND.

The kind is in the command line of every process of it, and all of them stay in the folder they
were started in, so that a test finds them; those that are too quick for that hold a lock. None lives
longer than LIFETIME seconds, whatever the test does. When the animal is out, its pid is in the file
KIND.INCARNATION.
"""

import ctypes
import fcntl
import os
import signal
import sys
import time

LIFETIME = 120
KIND = sys.argv[1]
libc = ctypes.CDLL(None)


def live():
    """Does nothing until the time is over, whatever signals come."""
    end = time.monotonic() + LIFETIME
    while time.monotonic() < end:
        time.sleep(1)
    os._exit(0)


def out(pid=None):
    """Says that the animal is out."""
    name = f"{KIND}.{os.environ.get('SUPERV_INCARNATION', os.environ.get('INCARNATION', '1'))}"
    with open(name + ".draft", "w") as file:
        file.write(str(pid or os.getpid()))
    os.rename(name + ".draft", name)


def hold():
    """Every process from here on holds the lock, as long as it lives."""
    fcntl.flock(os.open(f"{KIND}.lock", os.O_CREAT | os.O_RDWR), fcntl.LOCK_EX)


def child(body):
    pid = os.fork()
    if pid == 0:
        try:
            body()
        finally:
            os._exit(0)
    return pid


def session():
    """Leaves the agent's session."""
    os.setsid()
    out()
    live()


def double():
    """Loses its parent."""
    os.waitpid(child(lambda: child(lambda: (out(), live()))), 0)


def cleared():
    """Loses parent, session and environment, and becomes another program."""

    def second():
        number = os.environ["SUPERV_INCARNATION"]
        words = [sys.executable, "zoo.py", KIND, "animal", number]
        os.execve(sys.executable, words, {})

    def first():
        os.setsid()
        child(second)

    os.waitpid(child(first), 0)


def deaf():
    """Ignores everything that can be ignored."""
    os.setsid()
    for number in set(range(1, 32)) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        signal.signal(number, signal.SIG_IGN)
    out()
    live()


def stopped():
    """Is stopped, with its parent gone."""

    def body():
        os.setsid()
        out()
        os.kill(os.getpid(), signal.SIGSTOP)
        live()

    os.waitpid(child(lambda: child(body)), 0)


def traced():
    """Is stopped by its tracer, which has left as well."""

    def tracee():
        libc.ptrace(0, 0, 0, 0)  # PTRACE_TRACEME
        os.kill(os.getpid(), signal.SIGSTOP)
        live()

    def tracer():
        os.setsid()
        pid = child(tracee)
        os.waitpid(pid, os.WUNTRACED)
        out(pid)
        live()

    os.waitpid(child(lambda: child(tracer)), 0)


def storm(limit=150):
    """Forks without end: everyone ends as soon as it has a child, half of them have sessions of
    their own, and there are never more than the limit at a time."""
    tokens, back = os.pipe()
    os.set_blocking(tokens, False)
    os.write(back, b"." * limit)
    end = time.monotonic() + LIFETIME

    def body():
        forks = 0
        while time.monotonic() < end:
            try:
                os.read(tokens, 1)
            except BlockingIOError:
                if forks:
                    os.write(back, b".")
                    os._exit(0)
                time.sleep(0.001)
                continue
            if os.fork() == 0:
                forks = 0
                if os.getpid() % 2:
                    os.setsid()
            else:
                forks += 1
                time.sleep(0.001)

    def first():
        os.setsid()
        hold()
        out()
        body()

    os.waitpid(child(lambda: child(first)), 0)


def closed():
    """A daemon by the book, with nothing open."""

    def second():
        os.umask(0)
        out()
        os.closerange(0, 1024)
        live()

    def first():
        os.setsid()
        child(second)

    os.waitpid(child(first), 0)


def renamed():
    """Has another name."""

    def body():
        os.setsid()
        with open("/proc/self/comm", "w") as file:
            file.write("kworker/0:1")
        out()
        live()

    os.waitpid(child(lambda: child(body)), 0)


def grandchild():
    """Was started by a process that was gone before anybody could see it."""

    def body():
        child(lambda: (out(), live()))
        os._exit(0)

    child(body)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def comet():
    """Is never the same process for long: each one forks the next and ends."""

    def body():
        os.setsid()
        hold()
        out()
        end = time.monotonic() + LIFETIME
        while time.monotonic() < end:
            time.sleep(0.001)
            if os.fork():
                os._exit(0)

    child(body)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


if sys.argv[2:3] == ["animal"]:
    os.environ["INCARNATION"] = sys.argv[3]
    out()
    live()

{
    "session": lambda: child(session),
    "deaf": lambda: child(deaf),
}.get(KIND, globals()[KIND])()
live()

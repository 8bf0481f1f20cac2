"""Stops a process at each of its system calls: ptrace(2), as far as everycall.py needs it."""

import ctypes
import errno
import os
import re
import signal
import time

_CONT, _SYSCALL, _DETACH = 7, 24, 17
_SETOPTIONS, _GETEVENTMSG, _SEIZE, _INTERRUPT, _GET_SYSCALL_INFO = 0x4200, 0x4201, 0x4206, 0x4207, 0x420E
_SYSCALLS, _FORKS, _VFORKS, _CLONES, _EXECS = 1, 2, 4, 8, 16  # options, and the events that they bring
_ALL_THREADS = 0x40000000  # __WALL: what is traced is not our child
_EVENTS = {1: "born", 2: "born", 3: "born", 4: "executed", 128: "stopped"}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


class _CallInfo(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_uint8), ("padding", ctypes.c_uint8 * 3), ("machine", ctypes.c_uint32),
                ("instruction", ctypes.c_uint64), ("stack", ctypes.c_uint64), ("number", ctypes.c_uint64),
                ("arguments", ctypes.c_uint64 * 6)]


def _ptrace(request, pid, address=0, data=0):
    result = _libc.ptrace(request, pid, address, data)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"ptrace {request:#x}: {os.strerror(code)}")
    return result


def why_not():
    """Why nobody may be traced here; None when everything is as it should be."""
    pid = os.fork()
    if pid == 0:
        time.sleep(10)
        os._exit(0)
    try:
        one = Traced.seize(pid)
        one.interrupt()
        stop = one.next(2.0)
        if stop != ("stopped", 0):
            return f"a process that is traced does not stop: {stop}"
        one.go(to_call=True)
        stop = one.next(2.0)
        return None if stop and stop[0] in ("entry", "exit") else f"system calls are not told: {stop}"
    except OSError as error:
        return str(error)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, _ALL_THREADS)


def call_name(number, names={}):
    """As the headers of this machine say; the number without them."""
    if not names:
        names[-1] = "?"
        for folder in ("x86_64-linux-gnu/asm/unistd_64.h", "asm-generic/unistd.h"):
            try:
                with open(f"/usr/include/{folder}") as file:
                    names.update((int(one[1]), one[0]) for one in re.findall(r"__NR(?:3264)?_(\w+) (\d+)", file.read()))
                break
            except OSError:
                continue
    return names.get(number, str(number))


class Traced:
    """A process that stops at its system calls, and where it has got to."""

    def __init__(self, pid):
        self.pid, self.call, self.is_gone = pid, -1, False

    @classmethod
    def seize(cls, pid, follows=False):
        """Begins. With `follows` its children are traced from their first instruction on."""
        _ptrace(_SEIZE, pid, 0, cls._options(follows))
        return cls(pid)

    @staticmethod
    def _options(follows):
        return _SYSCALLS | (_FORKS | _VFORKS | _CLONES | _EXECS if follows else 0)

    def follow(self, follows):
        """Only while it is stopped."""
        _ptrace(_SETOPTIONS, self.pid, 0, self._options(follows))

    def interrupt(self):
        _ptrace(_INTERRUPT, self.pid)

    def go(self, to_call, number=0):
        """On to the next call, or to the next event."""
        try:
            _ptrace(_SYSCALL if to_call else _CONT, self.pid, 0, number)
        except OSError as error:
            if error.errno != errno.ESRCH:
                raise

    def let_go(self):
        """Only while it is stopped."""
        try:
            _ptrace(_DETACH, self.pid)
        except OSError as error:
            if error.errno != errno.ESRCH:
                raise

    def kill(self):
        """At a stop at the entry of a call this is before the call: the kernel does not make it any more."""
        os.kill(self.pid, signal.SIGKILL)
        while not self.is_gone and self.next(10.0) is not None:
            pass

    def next(self, patience):
        """Waits for its next stop.

        Returns: ("entry" or "exit", number of the call), ("born", pid of the child), ("executed", 0), ("stopped", 0)
        or ("ended", status); None when nothing happens for `patience` seconds. Signals are passed on.
        """
        until = time.monotonic() + patience
        while True:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG | _ALL_THREADS)
            except ChildProcessError:
                self.is_gone = True
                return "ended", None
            if pid == 0:
                if time.monotonic() > until:
                    return None
                time.sleep(0.00002)
                continue
            if not os.WIFSTOPPED(status):
                self.is_gone = True
                return "ended", status
            number, event = os.WSTOPSIG(status), status >> 16
            if number == signal.SIGTRAP | 0x80:
                return self._call()
            if event in _EVENTS:
                return _EVENTS[event], self._message() if _EVENTS[event] == "born" else 0
            self.go(to_call=True, number=number)

    def _message(self):
        message = ctypes.c_ulong()
        _ptrace(_GETEVENTMSG, self.pid, 0, ctypes.addressof(message))
        return message.value

    def _call(self):
        info = _CallInfo()
        _ptrace(_GET_SYSCALL_INFO, self.pid, ctypes.sizeof(info), ctypes.addressof(info))
        if info.kind == 1:
            self.call = info.number
        return "entry" if info.kind == 1 else "exit", self.call

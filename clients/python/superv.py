"""The Python client of superv: ready, alive, stoppable, and calls between agents.

Three lines make a plain script ready, alive and stoppable:

    import superv
    agent = superv.start()        # Agent() and ready()
    while agent.running():        # answers superv's pings; False once superv asks it to stop
        work()

An agent that others call registers handlers and lets `run` serve them:

    agent = superv.Agent()

    @agent.handler("draft")
    def draft(params, call):
        notes = agent.call("researcher", "look_up", params, timeout=5.0)
        return {"text": "\\n".join(notes)}

    agent.ready()
    agent.run()                   # returns once superv asks it to stop and nothing is left to do

`AsyncAgent` is the same for asyncio: what waits is awaited, what only tells is not. Started by hand, without superv,
both work: what only tells does nothing, what asks others raises `Unavailable`. Python 3.9 or later, one file, no
dependencies. The protocol is described in docs/protocol.md.

From top to bottom: the errors, what handlers and monitors get, `Core` (the protocol without a socket, a clock or a
thread), `_Agent` (the socket, and what both kinds share), `Agent`, `AsyncAgent`.
"""

import asyncio
import collections
import concurrent.futures
import contextlib
import contextvars
import inspect
import itertools
import json
import math
import os
import queue
import random
import select
import socket
import threading
import time
import traceback
import weakref
from typing import Any, Awaitable, Callable, NamedTuple, Optional, Union

__version__ = "1.0"

MESSAGE_MAX = 1 << 20  # bytes of a line, until superv's answer to hello says otherwise
ENVELOPE_MAX = 1024  # bytes by which superv's own lines may be longer
OUTGOING_MAX = 8 << 20  # bytes that may wait for superv to read them
UNSENT_MAX, UNSENT_BYTES_MAX = 1024, 1 << 20  # what may wait for a connection
CALLS_MAX = 1024  # calls of a connection that may wait for their answers
TIMEOUT_MAX = 86400.0  # seconds
TEXT_MAX = 512  # bytes of a status, a reason, a progress
NAME_MAX = 64  # bytes of the kind of an operation
TASK_MAX = 128  # bytes
LEVELS = ("debug", "info", "warning", "error")
PATIENCE = 1.0  # seconds after the timeout at which the client ends a call itself: superv comes first
RECONNECT_BASE, RECONNECT_CAP = 0.1, 5.0  # seconds
RETRY_BASE = 0.1  # seconds
GOODBYE = 0.2  # seconds kept of the time to stop, for the last answers
ASK_TIMEOUT = 5.0  # seconds for what superv answers itself: cast, monitor


# Errors


class SupervError(Exception):
    """A call that did not end with a result.

    `kind` says why, `retryable` whether the same may succeed later, `retry_after` in how many seconds, where that is
    known. A handler may raise one: that is what its caller gets.
    """

    kind = "error"
    code = -32603
    retryable = False

    def __init__(
        self,
        message: str = "",
        *,
        code: Optional[int] = None,
        retryable: Optional[bool] = None,
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = type(self).code if code is None else code
        self.retryable = type(self).retryable if retryable is None else retryable
        self.retry_after = retry_after

    def to_wire(self) -> dict[str, Any]:
        """The error object that tells this."""
        after = None if self.retry_after is None else math.ceil(self.retry_after * 1000)
        data = {"kind": self.kind, "retryable": self.retryable, "retry_after_ms": after}
        return {"code": self.code, "message": self.message, "data": data}

    @staticmethod
    def from_wire(error: Any) -> "SupervError":
        """What an error object says: one of superv's kinds, else the callee's own."""
        error = error if isinstance(error, dict) else {}
        data = error.get("data")
        says = data if isinstance(data, dict) else {}
        message, code = str(error.get("message", "")), error.get("code")
        code = code if type(code) is int else -32603
        kind = KINDS.get(says["kind"]) if isinstance(says.get("kind"), str) else None
        made = kind(message, code=code) if kind else RemoteError(code, message, data)
        if isinstance(says.get("retryable"), bool):
            made.retryable = says["retryable"]
        if _is_number(says.get("retry_after_ms")):
            made.retry_after = says["retry_after_ms"] / 1000
        return made


class Timeout(SupervError):
    """The deadline came before the answer."""

    kind, code, retryable = "timeout", -32001, True


class NotReady(SupervError):
    """No instance of the callee is ready and serves."""

    kind, code, retryable = "not_ready", -32002, True


class AgentDied(SupervError):
    """The callee's process ended before it answered."""

    kind, code, retryable = "agent_died", -32003, True


class Overloaded(SupervError):
    """A queue is full."""

    kind, code, retryable = "overloaded", -32004, True


class CircuitOpen(SupervError):
    """The callee failed too often in a row, and is left alone for a while."""

    kind, code, retryable = "circuit_open", -32005, True


class Denied(SupervError):
    """The rules do not allow it."""

    kind, code = "denied", -32006


class Cycle(SupervError):
    """The callee is in the chain of calls already, or the chain is too long."""

    kind, code = "cycle", -32007


class TooLarge(SupervError):
    """A message is longer than superv takes."""

    kind, code = "too_large", -32008


class Cancelled(SupervError):
    """The caller cancelled it."""

    kind, code = "cancelled", -32009


class Unavailable(SupervError):
    """The callee let go of its connection, or superv stops or is away, or this does not run under superv."""

    kind, code, retryable = "unavailable", -32010, True


class NoSuchAgent(SupervError):
    """Nobody has that name."""

    kind, code = "no_such_agent", -32602


class Invalid(SupervError):
    """What was sent is not JSON, no message, or does not fit the method."""

    kind, code = "invalid", -32602


class RemoteError(SupervError):
    """The callee's own error. `data` that says `{"retryable": true, "retry_after_ms": 500}` is understood."""

    kind = "remote"

    def __init__(self, code: int, message: str = "", data: Any = None) -> None:
        super().__init__(message, code=code)
        self.data = data

    def to_wire(self) -> dict[str, Any]:
        wire = {"code": self.code, "message": self.message}
        return wire if self.data is None else {**wire, "data": self.data}


KINDS = {
    error.kind: error
    for error in (Timeout, NotReady, AgentDied, Overloaded, CircuitOpen, Denied, Cycle, TooLarge)
    + (Cancelled, Unavailable, NoSuchAgent, Invalid)
}


# What handlers and monitors get


class Call:
    """What a handler is told about the call it answers.

    `sender` is the instance that calls, as superv knows it; `deadline` is on the clock of `time.monotonic`; `cancelled`
    turns True when nobody waits for the answer any more. A cast has no deadline: it is infinity.
    """

    def __init__(self, id: Optional[Union[str, int]], params: dict[str, Any], now: float) -> None:
        self.id = id
        self.sender = str(params.get("from", ""))
        self.method = str(params.get("method", ""))
        self.params = params.get("params")
        self.task: Optional[str] = params.get("task")
        self.trace: Optional[str] = params.get("trace")
        self.deadline = _deadline(params, now)
        self.cancelled = False
        self.ended = False

    def remaining(self) -> float:
        """Seconds that are left; never less than 0."""
        return max(0.0, self.deadline - time.monotonic())


class Down(NamedTuple):
    """The end of a process that was monitored."""

    agent: str
    incarnation: Optional[int]
    reason: str


class Monitor:
    """What `monitor` returns, for `demonitor`."""

    def __init__(self, agent: str, function: Callable[[Down], Any]) -> None:
        self.agent = agent
        self.function = function


#: The call that the running handler answers. Calls made meanwhile belong to it: its trace, its deadline, its task.
current_call: contextvars.ContextVar[Optional[Call]] = contextvars.ContextVar("superv call", default=None)


# The protocol without I/O: lines in, events out, lines out


class Request:
    """A request to superv, from when it is made until its answer or its end."""

    def __init__(self, method: str, params: dict[str, Any], deadline: float = math.inf) -> None:
        self.id = 0
        self.method = method
        self.params = params
        self.deadline = deadline
        self.sent = False
        self.future: Any = None  # set_result and set_exception: that of threads or that of asyncio
        self.then: Optional[Callable[[Any, Optional[SupervError]], None]] = None
        self.parent: Optional[Call] = None

    def expiry(self) -> float:
        return self.deadline + PATIENCE if self.sent else self.deadline


# What happens, as `Core` returns it.
Settled = NamedTuple("Settled", [("request", Request), ("result", Any), ("error", Optional[SupervError])])
Arrived = NamedTuple("Arrived", [("call", Call)])  # somebody calls, and waits unless it is a cast
Withdrawn = NamedTuple("Withdrawn", [("call", Call)])  # nobody waits for it any more
Pinged = NamedTuple("Pinged", [("id", Union[str, int])])  # the loop that does the work is to answer
StopAsked = NamedTuple("StopAsked", [("reason", str), ("deadline", float)])
Fell = NamedTuple("Fell", [("monitor", Monitor), ("down", Down)])
Event = Union[Settled, Arrived, Withdrawn, Pinged, StopAsked, Fell]


class Core:
    """The protocol's side of an agent: what is asked, what is served, what outlives a connection.

    Bytes come in by `receive` and wait to be sent in `outgoing`. It reads no clock (`now` is an argument, on the
    monotonic clock), knows no socket and no thread, and calls nobody: what happens is returned as events.
    """

    def __init__(self, client: str, serves: bool) -> None:
        self.client = client
        self.serves = serves
        self.ready: Optional[bool] = None
        self.reason = ""
        self.outgoing = bytearray()
        self.next_expiry = math.inf
        self.failures = 0  # connections in a row that came to nothing
        self.complaint = "superv is away"
        self.message_max = MESSAGE_MAX
        self.identity: Optional[dict[str, Any]] = None  # superv's answer to hello; None without a connection
        self._ids = itertools.count(1)
        self._buffer = bytearray()
        self._searched = 0
        self._skipping = False
        self._said: Optional[bool] = None  # whether this connection's hello said ready
        self._pending: dict[int, Request] = {}
        self._unsent: collections.deque[Union[bytes, Request]] = collections.deque()
        self._unsent_bytes = 0
        self._serving: dict[Union[str, int], Call] = {}
        self._watched: list[Monitor] = []  # what shall be monitored, connection or not
        self._monitors: dict[Any, Monitor] = {}  # what is monitored on this connection, by superv's number
        self._events: list[Event] = []

    # The connection

    def connected(self) -> None:
        """A connection is there: says hello. All else waits for its answer, which says how long lines may be."""
        params: dict[str, Any] = {"protocol": 1, "client": self.client, "serves": self.serves}
        self._said = self.ready if self.serves else None
        if self._said is not None:
            params["ready"] = self._said
        hello = Request("hello", params)
        hello.then = self._greeted
        self._send(hello, 0.0)

    def _greeted(self, result: Any, error: Optional[SupervError]) -> None:
        if isinstance(error, Denied) and self.serves:
            self.serves = False  # another process of this agent serves: this one only asks
            self.connected()
        elif error:
            self.complaint = f"superv refused this connection: {error.message}"
        else:
            self.identity = result if isinstance(result, dict) else {}
            self.failures = 0
            if type(self.identity.get("message_max")) is int:
                self.message_max = self.identity["message_max"]
            if self.ready != self._said or self.reason:
                self._say_ready()
            for monitor in self._watched:
                self._watch_again(monitor)

    def lost(self) -> list[Event]:
        """The connection has ended, or none came about. What was asked ends; what could not be sent waits on."""
        self.failures += 1
        self.identity = None
        self.outgoing.clear()
        self._buffer.clear()
        self._searched, self._skipping = 0, False
        self._serving.clear()
        self._monitors.clear()
        for request in [request for request in self._pending.values() if request.sent]:
            self._end(request, Unavailable("the connection to superv was lost before the answer came"))
        return self._take_events()

    def reconnect_delay(self, chance: float) -> float:
        """Seconds until the next try; `chance`, from 0 to 1, takes off up to half."""
        return min(RECONNECT_CAP, RECONNECT_BASE * 2.0 ** min(self.failures - 1, 16)) * (1 - chance / 2)

    # Out: requests, notifications, answers

    def request(self, request: Request, now: float) -> None:
        """Sends it, or keeps it for the next connection until its deadline."""
        if request.deadline <= now:
            raise Timeout("no time is left for it")
        if len(self._pending) >= CALLS_MAX:
            raise Overloaded(f"{CALLS_MAX} calls wait for their answers already")
        self._send(request, now, hold=self.identity is None)
        if request.future is not None:
            self.next_expiry = min(self.next_expiry, request.expiry())

    def _send(self, request: Request, now: float, hold: bool = False) -> None:
        request.id = request.id or next(self._ids)
        if "timeout_ms" in request.params:
            request.params["timeout_ms"] = max(1, math.ceil((request.deadline - now) * 1000))
        message = {"jsonrpc": "2.0", "id": request.id, "method": request.method, "params": request.params}
        line = self._line(message)
        if len(self.outgoing) > OUTGOING_MAX:
            raise Overloaded("superv does not read what is sent to it")
        self._pending[request.id] = request
        if hold:
            self._unsent.append(request)
        else:
            request.sent = True
            self.outgoing += line

    def tell(self, method: str, params: Optional[dict[str, Any]] = None) -> None:
        """Sends a notification. While superv is away some wait for it; what comes after them is lost."""
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
        line = self._line({**message, "params": params} if params else message)
        if self.identity is None:
            if len(self._unsent) < UNSENT_MAX and self._unsent_bytes + len(line) <= UNSENT_BYTES_MAX:
                self._unsent.append(line)
                self._unsent_bytes += len(line)
        elif len(self.outgoing) <= OUTGOING_MAX:
            self.outgoing += line

    def tell_ready(self, ready: bool, reason: str = "") -> None:
        self.ready, self.reason = ready, reason
        if self.identity is not None:
            self._say_ready()

    def _say_ready(self) -> None:
        self.tell("ready" if self.ready else "not_ready", {"reason": self.reason} if self.reason else None)

    def answer(self, call: Call, result: Any = None, error: Optional[SupervError] = None) -> None:
        """Ends a call, unless it is a cast, or nobody waits any more."""
        call.ended = True
        if call.id is None or self._serving.get(call.id) is not call:
            return
        del self._serving[call.id]
        message: dict[str, Any] = {"jsonrpc": "2.0", "id": call.id}
        try:
            line = self._line({**message, "error": error.to_wire()} if error else {**message, "result": result})
        except SupervError as refused:
            said = refused if isinstance(refused, TooLarge) else RemoteError(-32603, refused.message)
            line = self._line({**message, "error": said.to_wire()})
        self.outgoing += line

    def answer_ping(self, id: Union[str, int]) -> None:
        if self.identity is not None:
            self.outgoing += self._line({"jsonrpc": "2.0", "id": id, "result": {}})

    def _line(self, message: dict[str, Any]) -> bytes:
        try:
            line = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        except (TypeError, ValueError, RecursionError) as error:
            raise Invalid(f"this cannot be written as JSON: {error}") from None
        if len(line) > self.message_max:
            raise TooLarge(f"a message of {len(line)} bytes is longer than the {self.message_max} that superv takes")
        return line

    # Ends that superv does not tell

    def cancel(self, request: Request) -> bool:
        """Gives a request up; False when it has ended already."""
        if self._pending.pop(request.id, None) is None:
            return False
        if request.sent:
            self.tell("cancel", {"id": request.id})
        else:
            self._unsent.remove(request)
        return True

    def expire(self, now: float, all: bool = False) -> list[Event]:
        """Ends what has waited too long, or `all` there is."""
        if now >= self.next_expiry or all:
            for request in [request for request in self._pending.values() if all or request.expiry() <= now]:
                if not request.sent:
                    self._unsent.remove(request)
                late = request.sent and not all
                self._end(request, Timeout("superv did not answer in time") if late else Unavailable(self.complaint))
            waiting = (request.expiry() for request in self._pending.values())
            self.next_expiry = min(waiting, default=math.inf)
        return self._take_events()

    def _end(self, request: Request, error: SupervError) -> None:
        del self._pending[request.id]
        self._events.append(Settled(request, None, error))

    # Monitors

    def watch(self, monitor: Monitor, deadline: float) -> Request:
        """The request that begins it. From its answer on it is held, through new connections too."""
        request = Request("monitor", {"agent": monitor.agent}, deadline)
        request.then = lambda result, error: None if error else self._watching(monitor, result)
        return request

    def _watching(self, monitor: Monitor, result: Any) -> None:
        number = result.get("monitor") if isinstance(result, dict) else None
        if monitor not in self._watched:
            self._watched.append(monitor)
        self._monitors[json.dumps(number)] = monitor

    def _watch_again(self, monitor: Monitor) -> None:
        def answered(result: Any, error: Optional[SupervError]) -> None:
            if monitor not in self._watched:  # given up meanwhile
                if not error:
                    self.tell("demonitor", result)
            elif not error:
                self._watching(monitor, result)
            elif not isinstance(error, Unavailable):
                self._watched.remove(monitor)
                self._events.append(Fell(monitor, Down(monitor.agent, None, error.message)))

        request = Request("monitor", {"agent": monitor.agent})
        request.then = answered
        self._send(request, 0.0)

    def unwatch(self, monitor: Monitor) -> None:
        if monitor in self._watched:
            self._watched.remove(monitor)
        for number in [number for number, held in self._monitors.items() if held is monitor]:
            del self._monitors[number]
            self.tell("demonitor", {"monitor": json.loads(number)})

    # In: lines, and what they say

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Takes what has come. What is no message is passed over: nobody could be told."""
        for line in self._lines(data):
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(message, dict):
                self._take(message, now)
                while self.identity is not None and self._unsent:
                    self._send_waiting(self._unsent.popleft(), now)
        return self._take_events()

    def _lines(self, data: bytes) -> list[bytes]:
        lines = []
        self._buffer += data
        while (end := self._buffer.find(b"\n", self._searched)) >= 0:
            if not self._skipping:
                lines.append(bytes(self._buffer[:end]))
            del self._buffer[: end + 1]
            self._searched, self._skipping = 0, False
        if len(self._buffer) > self.message_max + ENVELOPE_MAX:
            self._buffer.clear()
            self._skipping = True
        self._searched = len(self._buffer)
        return lines

    def _send_waiting(self, waiting: Union[bytes, Request], now: float) -> None:
        if isinstance(waiting, Request):
            try:
                self._send(waiting, now)
            except SupervError as error:
                self._end(waiting, error)
            return
        self._unsent_bytes -= len(waiting)
        if len(waiting) <= self.message_max:
            self.outgoing += waiting

    def _take(self, message: dict[str, Any], now: float) -> None:
        method, params, id = message.get("method"), message.get("params"), message.get("id")
        params = params if isinstance(params, dict) else {}
        id = id if isinstance(id, str) or type(id) is int else None
        if method is None:
            self._answered(message, id)
        elif method == "handle":
            call = Call(id, params, now)
            if id is not None:
                self._serving[id] = call
            self._events.append(Arrived(call))
        elif method == "cancel":
            withdrawn = params.get("id")
            if isinstance(withdrawn, (str, int)) and withdrawn in self._serving:
                self._withdraw(self._serving.pop(withdrawn))
        elif method == "ping":
            if id is not None:
                self._events.append(Pinged(id))
        elif method == "stop":
            self._events.append(StopAsked(str(params.get("reason", "")), _deadline(params, now)))
        elif method == "down":
            self._fell(params)
        elif id is not None:
            error = RemoteError(-32601, f"this client knows no method {method!r}")
            self.outgoing += self._line({"jsonrpc": "2.0", "id": id, "error": error.to_wire()})

    def _answered(self, message: dict[str, Any], id: Any) -> None:
        failed = "error" in message
        error = SupervError.from_wire(message["error"]) if failed else None
        request = self._pending.pop(id, None) if type(id) is int else None
        if request is None:
            if error and id is None:  # what it could not read, or why it will close this connection
                self.complaint = f"superv says: {error.message}"
            return
        result = message.get("result")
        if request.then:
            request.then(result, error)
        self._events.append(Settled(request, result, error))

    def _withdraw(self, call: Call) -> None:
        call.cancelled = True
        for request in [request for request in self._pending.values() if request.parent is call]:
            self.cancel(request)
            self._events.append(Settled(request, None, Cancelled("the call that this was made for is cancelled")))
        self._events.append(Withdrawn(call))

    def _fell(self, params: dict[str, Any]) -> None:
        agent, number = str(params.get("agent", "")), json.dumps(params.get("monitor"))
        monitor = self._monitors.get(number)
        if monitor is None:
            return
        if agent == monitor.agent:  # else it watches all instances of an agent, and fires for each
            del self._monitors[number]
            self._watched.remove(monitor)
        down = Down(agent, params.get("incarnation"), str(params.get("reason", "")))
        self._events.append(Fell(monitor, down))

    def _take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events


def retry_delay(error: SupervError, attempt: int, attempts: int, left: float, chance: float) -> Optional[float]:
    """Seconds to wait before the next attempt, `attempt` (from 1) having failed; None when there shall be none.

    As superv says, else a random part of 100 ms · 2^k. Never more than is `left`.
    """
    if attempt >= attempts or not error.retryable:
        return None
    delay = error.retry_after if error.retry_after is not None else chance * RETRY_BASE * 2 ** min(attempt - 1, 16)
    return delay if delay < left else None


def _clip(text: Any, limit: int) -> str:
    """What fits of a text that is for people."""
    return str(text).encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")


def _deadline(params: dict[str, Any], now: float) -> float:
    left = params.get("deadline_ms", math.inf)
    return float(now + left / 1000) if _is_number(left) else math.inf


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15


def _plain(value: Any) -> Any:
    """A value that JSON can say, or what Python prints for it."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        return value
    except (TypeError, ValueError, RecursionError):
        return _clip(repr(value), TEXT_MAX)


# The socket, and what both kinds of agent share


class Operation:
    """A piece of work that superv watches: `with agent.op("summarise", expected=30.0):`, or `async with`."""

    _ids = itertools.count(1)

    def __init__(self, agent: "_Agent", kind: str, expected: Optional[float]) -> None:
        self._agent = agent
        self._begin: dict[str, Any] = {"op": f"{os.getpid()}.{next(self._ids)}", "kind": _clip(kind, NAME_MAX)}
        if expected is not None:
            self._begin["expected_ms"] = max(1, math.ceil(expected * 1000))

    def begin(self) -> "Operation":
        self._agent._tell("op.begin", self._begin)
        return self

    def end(self) -> None:
        self._agent._tell("op.end", {"op": self._begin["op"]})

    def __enter__(self) -> "Operation":
        return self.begin()

    def __exit__(self, *_: Any) -> None:
        self.end()

    async def __aenter__(self) -> "Operation":
        return self.begin()

    async def __aexit__(self, *_: Any) -> None:
        self.end()


class _Agent:
    """A connection that is made again whenever it is lost. Subclasses say who waits and who does the work.

    Nothing here waits: the socket does not block, and what does not fit into it stays in `Core.outgoing`.
    """

    _wake: Callable[[], None]  # there is something to send, or to wait for
    _serve: Callable[[Call], None]
    _withdraw: Callable[[Call], None]
    _ping: Callable[[Union[str, int]], None]
    _stop: Callable[[], None]
    _call_back: Callable[..., None]  # calls a function of the user

    def __init__(
        self, *, path: Optional[str] = None, client: str = f"superv.py/{__version__}", serves: bool = True
    ) -> None:
        self._path = path or os.environ.get("SUPERV_SOCKET") or None
        self._client = client
        self._handlers: dict[str, Callable[[Any, Call], Any]] = {}
        self._stop_functions: list[Callable[[], Any]] = []
        self.stopping = False
        self.stop_reason = ""
        self.stop_deadline = math.inf
        self._begin_anew(serves)
        _agents.add(self)

    def _begin_anew(self, serves: bool) -> None:
        self._lock = threading.RLock()
        self._core = Core(self._client, serves)
        self._socket: Optional[socket.socket] = None
        self._retry_at = -math.inf
        self._closed = False
        self._flushing = False

    def _forked(self) -> None:
        """In a child after fork: the connection stays the parent's, and the child opens one of its own to ask."""
        if self._socket:
            self._socket.close()
        self._begin_anew(serves=False)

    # Who this is

    @property
    def supervised(self) -> bool:
        """Whether this runs under superv."""
        return self._path is not None

    @property
    def connected(self) -> bool:
        """Whether superv is there at the moment."""
        return self._core.identity is not None

    @property
    def name(self) -> str:
        """What others call this instance: `writer`, or `writer:1` where there are several. Empty outside superv."""
        return str((self._core.identity or {}).get("name") or os.environ.get("SUPERV_AGENT", ""))

    # What only tells: never waits, and does nothing outside superv

    def ready(self) -> None:
        """Calls may come."""
        self._say_ready(True)

    def not_ready(self, reason: str = "") -> None:
        """No calls for now. What is running goes on."""
        self._say_ready(False, _clip(reason, TEXT_MAX))

    def status(self, text: str) -> None:
        """What this agent is doing, for people; at most 512 bytes of it."""
        self._tell("status", {"text": _clip(text, TEXT_MAX)})

    def heartbeat(self, progress: Union[str, int, float, None] = None) -> None:
        """A sign of life. With `progress_timeout` configured the same `progress` for too long is a stuck agent."""
        if progress is None:
            self._tell("heartbeat")
        else:
            self._tell("heartbeat", {"progress": progress if _is_number(progress) else _clip(progress, TEXT_MAX)})

    def op(self, kind: str, expected: Optional[float] = None) -> Operation:
        """A piece of work, for `with`. Ten times `expected` (seconds) later, or ten times its median, it is stuck."""
        return Operation(self, kind, expected)

    def log(self, level: str, message: str, /, task: Optional[str] = None, **fields: Any) -> None:
        """A line for the agent's log file. `level` is `debug`, `info`, `warning` or `error`."""
        if level not in LEVELS:
            raise Invalid(f"there is no level {level!r}; levels are {', '.join(LEVELS)}")
        call = current_call.get()
        if task is None and call:
            task = call.task
        params: dict[str, Any] = {"level": level, "message": _clip(message, MESSAGE_MAX)}
        if fields:
            params["fields"] = {name: _plain(value) for name, value in fields.items()}
        if task is not None:
            params["task"] = _clip(task, TASK_MAX)
        self._tell("log", params)

    def _say_ready(self, ready: bool, reason: str = "") -> None:
        if self._path:
            with self._lock:
                self._core.tell_ready(ready, reason)
            self._wake()

    def _tell(self, method: str, params: Optional[dict[str, Any]] = None) -> None:
        if self._path and not self._closed:
            with self._lock:
                self._core.tell(method, params)
            self._wake()

    # Handlers

    def handle(self, method: str, function: Callable[[Any, Call], Any]) -> None:
        """Has `function(params, call)` answer calls of `method`. What it returns is the result."""
        self._handlers[method] = function

    def handler(self, method: str) -> Callable[[Callable[[Any, Call], Any]], Callable[[Any, Call], Any]]:
        """`handle`, as a decorator."""

        def register(function: Callable[[Any, Call], Any]) -> Callable[[Any, Call], Any]:
            self.handle(method, function)
            return function

        return register

    def on_stop(self, function: Callable[[], Any]) -> None:
        """Calls `function()` when superv asks this agent to stop; at once when it has already."""
        with self._lock:
            self._stop_functions.append(function)
            late = self.stopping
        if late:
            self._call_back(function)

    def demonitor(self, monitor: Monitor) -> None:
        """Ends a monitor."""
        with self._lock:
            self._core.unwatch(monitor)
        self._wake()

    def _answer(self, call: Call, result: Any = None, error: Optional[SupervError] = None) -> None:
        with self._lock:
            self._core.answer(call, result, error)
        self._wake()

    def _answer_raised(self, call: Call, error: BaseException) -> None:
        if isinstance(error, SupervError):
            return self._answer(call, error=error)
        traceback.print_exception(type(error), error, error.__traceback__)
        self._answer(call, error=RemoteError(-32603, f"{type(error).__name__}: {error}"))

    # Asking

    def _ask(self, future: Any, method: str, params: dict[str, Any], timeout: float) -> Request:
        """Sends a request whose answer `future` gets, on behalf of the call that the running handler answers."""
        now = time.monotonic()
        call = current_call.get()
        request = Request(method, params, now + min(timeout, TIMEOUT_MAX))
        if call:
            if call.trace is not None:
                params["trace"] = call.trace
            if call.task is not None:
                params.setdefault("task", call.task)
            if not call.ended:
                request.parent = call
                request.deadline = min(request.deadline, call.deadline)
        return self._send(future, request, now)

    def _send(self, future: Any, request: Request, now: float) -> Request:
        request.future = future
        try:
            if not self._path:
                raise Unavailable("this process does not run under superv: SUPERV_SOCKET is not set")
            if self._closed:
                raise Unavailable("this agent has closed its connection")
            if request.parent and request.parent.cancelled:
                raise Cancelled("the call that this was to be made for is cancelled")
            with self._lock:
                self._core.request(request, now)
            self._wake()
        except SupervError as error:
            future.set_exception(error)
        return request

    def _watch(self, future: Any, monitor: Monitor) -> None:
        now = time.monotonic()
        self._send(future, self._core.watch(monitor, now + ASK_TIMEOUT), now)

    def _cancel(self, request: Request) -> bool:
        with self._lock:
            cancelled = self._core.cancel(request)
        self._wake()
        return cancelled

    # One turn: connects if it is time, reads what has come, ends what is overdue, sends what waits

    def _turn(self) -> None:
        with self._lock:
            now = time.monotonic()
            events: list[Event] = []
            if self._socket is None and now >= self._retry_at and not self._closed:
                events += self._connect(now)
            if self._socket is not None:
                events += self._read(now)
            events += self._core.expire(now)
            self._flush()
        for event in events:
            self._carry_out(event)

    def _connect(self, now: float) -> list[Event]:
        assert self._path
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.setblocking(False)
        try:
            made.connect(self._path)
        except OSError:  # nobody listens, or too many wait already
            made.close()
            return self._lose(now)
        self._socket = made
        self._core.connected()
        return []

    def _read(self, now: float) -> list[Event]:
        assert self._socket
        try:
            data = self._socket.recv(1 << 18)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            data = b""
        return self._core.receive(data, now) if data else self._lose(now)

    def _lose(self, now: float) -> list[Event]:
        if self._socket:
            self._socket.close()
            self._socket = None
        events = self._core.lost()
        self._retry_at = now + self._core.reconnect_delay(random.random())
        return events

    def _flush(self) -> None:
        if self._flushing:  # a signal's handler came in between sending and taking away: one after it sends the rest
            return
        self._flushing, outgoing = True, self._core.outgoing
        with contextlib.suppress(OSError):  # full; or its end, which reading finds out too
            while outgoing and self._socket:
                del outgoing[: self._socket.send(outgoing)]
        self._flushing = False

    def _next_turn_at(self) -> float:
        """When a turn is due even though nothing comes."""
        if self._socket is None:
            return min(self._retry_at, self._core.next_expiry)
        return self._core.next_expiry

    # What happened

    def _carry_out(self, event: Event) -> None:
        if isinstance(event, Settled):
            future = event.request.future
            if future is not None and not future.done():
                future.set_exception(event.error) if event.error else future.set_result(event.result)
        elif isinstance(event, Arrived):
            if event.call.method in self._handlers:
                self._serve(event.call)
            else:
                self._answer(event.call, error=RemoteError(-32601, f"there is no method {event.call.method!r}"))
        elif isinstance(event, Withdrawn):
            self._withdraw(event.call)
        elif isinstance(event, Pinged):
            self._ping(event.id)
        elif isinstance(event, StopAsked):
            with self._lock:
                functions = [] if self.stopping else list(self._stop_functions)
                self.stop_reason, self.stop_deadline, self.stopping = event.reason, event.deadline, True
            for function in functions:
                self._call_back(function)
            self._stop()
        else:
            self._call_back(event.monitor.function, event.down)

    def _shut(self) -> list[Event]:
        """Ends the connection, and everything that waits on it."""
        with self._lock:
            self._flush()
            self._closed = True
            return self._lose(math.inf) + self._core.expire(math.inf, all=True)


_agents: "weakref.WeakSet[_Agent]" = weakref.WeakSet()


def _forked_all() -> None:
    for agent in list(_agents):
        agent._forked()


os.register_at_fork(after_in_child=_forked_all)


def _call_params(to: str, method: str, params: Any, task: Optional[str]) -> dict[str, Any]:
    message: dict[str, Any] = {"to": to, "method": method}
    if params is not None:
        message["params"] = params
    if task is not None:
        message["task"] = task
    return message


# For threads


class CallFuture(concurrent.futures.Future[Any]):
    """The answer of a call that goes on meanwhile. `cancel` tells superv, and `result` then raises `Cancelled`."""

    def __init__(self, agent: "Agent") -> None:
        super().__init__()
        self._agent = agent
        self._request: Optional[Request] = None

    def cancel(self) -> bool:
        if self._request is None or self.done() or not self._agent._cancel(self._request):
            return False
        self.set_exception(Cancelled("this call was cancelled"))
        return True


class Agent(_Agent):
    """An agent whose main thread does the work, in `while agent.running():` or in `run`.

    A thread of its own keeps the connection, but answers no ping: that is left to the loop, so that superv sees when
    the loop is stuck. All methods may be called from any thread; what waits (`call`, `cast`, `monitor`) not from
    functions that are called when a future is done.

    A process that the agent forks has a connection of its own, opened when it is first used, by which it only asks.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._start()

    def _begin_anew(self, serves: bool) -> None:
        super()._begin_anew(serves)
        self._changed = threading.Condition(self._lock)  # the four below, `stopping` or `_closed`
        self._pings: collections.deque[Union[str, int]] = collections.deque()
        self._calls: collections.deque[Call] = collections.deque()
        self._busy = 0  # calls that a pool has
        self._callbacks: Optional[queue.SimpleQueue[Any]] = None
        self._thread: Optional[threading.Thread] = None
        self._wakeup: tuple[socket.socket, ...] = ()
        self._sleeps_until = math.inf

    def _forked(self) -> None:
        for end in self._wakeup:
            end.close()
        super()._forked()

    def __enter__(self) -> "Agent":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    # Calls

    def call(
        self,
        to: str,
        method: str,
        params: Any = None,
        timeout: float = 30.0,
        task: Optional[str] = None,
        attempts: int = 1,
    ) -> Any:
        """Asks another agent and waits for its answer.

        `to` is an agent (`writer`) or one instance of it (`writer:1`). `timeout` is in seconds, for all `attempts`; in
        a handler it shrinks to what its caller has left. Raises the `SupervError` that says why there is no result.
        """
        end = time.monotonic() + timeout
        for attempt in itertools.count(1):
            try:
                return self._wait_for(self.submit_call(to, method, params, end - time.monotonic(), task))
            except SupervError as error:
                delay = retry_delay(error, attempt, attempts, end - time.monotonic(), random.random())
                if delay is None:
                    raise
            time.sleep(delay)

    def submit_call(
        self, to: str, method: str, params: Any = None, timeout: float = 30.0, task: Optional[str] = None
    ) -> CallFuture:
        """`call` without waiting: its future has the result, or the error."""
        future = CallFuture(self)
        message = {**_call_params(to, method, params, task), "timeout_ms": 0}
        future._request = self._ask(future, "call", message, timeout)
        return future

    def cast(self, to: str, method: str, params: Any = None, task: Optional[str] = None) -> None:
        """Tells another agent something. Returns when superv has passed it on, and raises when it could not."""
        future = CallFuture(self)
        future._request = self._ask(future, "cast", _call_params(to, method, params, task), ASK_TIMEOUT)
        self._wait_for(future)

    def monitor(self, agent: str, function: Callable[[Down], Any]) -> Monitor:
        """Calls `function(down)`, on a thread for such, when a process of `agent` ends; at once where there is none."""
        monitor, future = Monitor(agent, function), CallFuture(self)
        self._watch(future, monitor)
        self._wait_for(future)
        return monitor

    def _wait_for(self, future: CallFuture) -> Any:
        if threading.current_thread() is self._thread:
            raise RuntimeError("this would wait for itself: use another thread than the one of the future")
        try:
            return future.result()
        finally:
            future.cancel()  # after a Ctrl-C, say; nothing otherwise

    # The loop

    def running(self, wait: float = 0.0) -> bool:
        """Answers the pings that have come; False once superv asks this agent to stop.

        Runs nothing else: handlers need `run`. With `wait` it answers pings for so many seconds, or until the stop.
        """
        end = time.monotonic() + wait
        with self._changed:
            while True:
                self._answer_pings()
                left = end - time.monotonic()
                if self.stopping or self._closed or left <= 0:
                    return not (self.stopping or self._closed)
                self._changed.wait(left)

    def run(self, threads: int = 1) -> None:
        """Serves calls and pings until superv asks this agent to stop and the calls that had come are answered.

        Handlers run on this thread, one after the other, or on a pool of `threads`; pings are answered here.
        """
        pool = concurrent.futures.ThreadPoolExecutor(threads, "superv handler") if threads > 1 else None
        try:
            while (call := self._next_call()) is not None:
                if pool is None:
                    self._handle(call)
                else:
                    with self._lock:
                        self._busy += 1
                    pool.submit(self._handle_in_pool, call)
        finally:
            if pool:
                pool.shutdown(wait=False)

    def _next_call(self) -> Optional[Call]:
        with self._changed:
            while True:
                self._answer_pings()
                if self._calls:
                    return self._calls.popleft()
                if self._closed or self.stopping and not self._busy:
                    return None
                self._changed.wait()

    def _answer_pings(self) -> None:
        if self._pings:
            while self._pings:
                self._core.answer_ping(self._pings.popleft())
            self._wake()

    def _handle(self, call: Call) -> None:
        if call.cancelled:
            return
        token = current_call.set(call)
        try:
            self._answer(call, self._handlers[call.method](call.params, call))
        except BaseException as error:
            self._answer_raised(call, error)
            if not isinstance(error, Exception):
                raise
        finally:
            current_call.reset(token)

    def _handle_in_pool(self, call: Call) -> None:
        try:
            self._handle(call)
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    # The thread that keeps the connection

    def _start(self) -> None:
        with self._lock:
            if self._path and self._thread is None and not self._closed:
                self._wakeup = socket.socketpair()
                for end in self._wakeup:
                    end.setblocking(False)
                self._thread = threading.Thread(target=self._keep_connection, name="superv", daemon=True)
                self._thread.start()

    def _keep_connection(self) -> None:
        while not self._closed:
            self._turn()
            poll = select.poll()
            with self._lock:
                poll.register(self._wakeup[0], select.POLLIN)
                if self._socket:
                    poll.register(self._socket, select.POLLIN | (select.POLLOUT if self._core.outgoing else 0))
                self._sleeps_until = self._next_turn_at()
                left = self._sleeps_until - time.monotonic()
            if poll.poll(None if math.isinf(left) else max(0, math.ceil(left * 1000))):
                with contextlib.suppress(OSError):  # it was the other one
                    self._wakeup[0].recv(4096)
        with self._lock:
            for end in self._wakeup:
                end.close()

    def _wake(self) -> None:
        self._start()
        with self._lock:
            self._flush()
            if self._core.outgoing or self._closed or self._next_turn_at() < self._sleeps_until:
                self._sleeps_until = -math.inf
                with contextlib.suppress(OSError, IndexError):  # full, so it will wake; or there is none
                    self._wakeup[1].send(b"!")

    def close(self) -> None:
        """Ends the connection: what waits for an answer is `Unavailable`, and `run` and `running` come to their end."""
        events = self._shut()
        with self._changed:
            self._changed.notify_all()
        self._wake()
        for event in events:
            self._carry_out(event)
        if self._callbacks:
            self._callbacks.put(None)
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join()

    # What happened

    def _serve(self, call: Call) -> None:
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()

    def _withdraw(self, call: Call) -> None:
        pass  # the handler sees it in `call.cancelled`

    def _ping(self, id: Union[str, int]) -> None:
        with self._changed:
            self._pings.append(id)
            self._changed.notify_all()

    def _stop(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _call_back(self, function: Callable[..., Any], *arguments: Any) -> None:
        with self._lock:
            if self._callbacks is None:
                self._callbacks = queue.SimpleQueue()
                threading.Thread(
                    target=_run_callbacks, args=(self._callbacks,), name="superv callbacks", daemon=True
                ).start()
            self._callbacks.put((function, arguments))


def _run_callbacks(callbacks: "queue.SimpleQueue[Any]") -> None:
    """Keeps functions that may take their time away from the thread that reads."""
    while (item := callbacks.get()) is not None:
        function, arguments = item
        try:
            function(*arguments)
        except Exception:
            traceback.print_exc()


# For asyncio


class AsyncAgent(_Agent):
    """An agent whose work is done by an event loop: that answers pings and runs handlers, each in a task of its own.

        async with superv.AsyncAgent() as agent:
            agent.handle("draft", draft)      # async def draft(params, call): …
            agent.ready()
            await agent.stopped()             # superv asks it to stop

    A call that is cancelled cancels the task of its handler, and cancelling a task that waits for a call cancels that.
    Leaving `async with` lets handlers finish, as long as superv gave for it. What only tells may be used in any thread.
    """

    _loop: asyncio.AbstractEventLoop
    _stopped: asyncio.Event
    _tried: "asyncio.Future[None]"  # done when the first connection is there, or is known not to be

    def _begin_anew(self, serves: bool) -> None:
        super()._begin_anew(serves)
        self._loop_thread = 0  # until it begins
        self._watched: Optional[socket.socket] = None  # what the loop knows: the socket, its number …
        self._watched_fd = -1
        self._writing = False  # … whether it waits for room …
        self._timer: Optional[asyncio.TimerHandle] = None
        self._timer_at = math.inf  # … and when it is due
        self._tasks: dict[Call, "asyncio.Task[Any]"] = {}
        self._others: set["asyncio.Future[Any]"] = set()

    async def __aenter__(self) -> "AsyncAgent":
        await self.start()
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    async def start(self) -> None:
        """Connects. When superv is away this returns all the same, and the connection is made once it is back."""
        self._begin()
        if self._path:
            await asyncio.wait([self._tried], timeout=ASK_TIMEOUT)

    def _begin(self) -> None:
        if not self._loop_thread:
            self._loop, self._loop_thread = asyncio.get_running_loop(), threading.get_ident()
            self._stopped, self._tried = asyncio.Event(), self._loop.create_future()
            if self._path and not self._closed:
                self._turn_and_arm()

    async def stopped(self) -> None:
        """Waits until superv asks this agent to stop."""
        self._begin()
        await self._stopped.wait()

    async def close(self) -> None:
        """Lets handlers finish when it is superv that stops this agent, cancels those that remain, and disconnects."""
        self._begin()
        me = asyncio.current_task()
        tasks = [task for task in self._tasks.values() if task is not me]
        if tasks and self.stopping:
            left = self.stop_deadline - time.monotonic() - GOODBYE
            await asyncio.wait(tasks, timeout=None if math.isinf(left) else max(0.0, left))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        events = self._shut()
        self._arm()
        for event in events:
            self._carry_out(event)
        self._stopped.set()
        if not self._tried.done():
            self._tried.set_result(None)

    # Calls

    async def call(
        self,
        to: str,
        method: str,
        params: Any = None,
        timeout: float = 30.0,
        task: Optional[str] = None,
        attempts: int = 1,
    ) -> Any:
        """Asks another agent and waits for its answer: see `Agent.call`."""
        end = time.monotonic() + timeout
        for attempt in itertools.count(1):
            message = {**_call_params(to, method, params, task), "timeout_ms": 0}
            try:
                return await self._asked("call", message, end - time.monotonic())
            except SupervError as error:
                delay = retry_delay(error, attempt, attempts, end - time.monotonic(), random.random())
                if delay is None:
                    raise
            await asyncio.sleep(delay)

    async def cast(self, to: str, method: str, params: Any = None, task: Optional[str] = None) -> None:
        """Tells another agent something. Returns when superv has passed it on, and raises when it could not."""
        await self._asked("cast", _call_params(to, method, params, task), ASK_TIMEOUT)

    async def monitor(self, agent: str, function: Callable[[Down], Any]) -> Monitor:
        """Calls (or awaits) `function(down)` when a process of `agent` ends; at once where there is none."""
        self._begin()
        monitor, future = Monitor(agent, function), asyncio.get_running_loop().create_future()
        self._watch(future, monitor)
        await future
        return monitor

    async def _asked(self, method: str, params: dict[str, Any], timeout: float) -> Any:
        self._begin()
        future = asyncio.get_running_loop().create_future()
        request = self._ask(future, method, params, timeout)
        try:
            return await future
        except asyncio.CancelledError:
            self._cancel(request)
            raise

    # The event loop: the same turn as with threads, when the socket or a timer says so

    def _turn_and_arm(self) -> None:
        self._turn()
        self._arm()
        if not self._tried.done() and (self._core.failures or self._core.identity is not None or self._closed):
            self._tried.set_result(None)

    def _arm(self) -> None:
        """Has the loop watch the socket that there is, and wake for what is due."""
        fd = self._socket.fileno() if self._socket else -1
        if self._watched is not self._socket:
            if self._watched:
                self._loop.remove_reader(self._watched_fd)
                self._loop.remove_writer(self._watched_fd)
            if self._socket:
                self._loop.add_reader(fd, self._turn_and_arm)
            self._watched, self._watched_fd, self._writing = self._socket, fd, False
        if self._socket and self._writing != bool(self._core.outgoing):
            self._writing = not self._writing
            if self._writing:
                self._loop.add_writer(fd, self._turn_and_arm)
            else:
                self._loop.remove_writer(fd)
        due = math.inf if self._closed else self._next_turn_at()
        if due != self._timer_at:
            if self._timer:
                self._timer.cancel()
            self._timer, self._timer_at = None, due
            if not math.isinf(due):
                self._timer = self._loop.call_later(due - time.monotonic(), self._on_timer)

    def _on_timer(self) -> None:
        self._timer, self._timer_at = None, math.inf
        self._turn_and_arm()

    def _wake(self) -> None:
        if threading.get_ident() == self._loop_thread:
            with self._lock:
                self._flush()
            self._arm()
        elif self._loop_thread:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._wake)

    # What happened

    def _serve(self, call: Call) -> None:
        self._tasks[call] = self._loop.create_task(self._handle(call))
        self._tasks[call].add_done_callback(lambda _: self._tasks.pop(call))

    async def _handle(self, call: Call) -> None:
        current_call.set(call)
        try:
            result = self._handlers[call.method](call.params, call)
            self._answer(call, await result if inspect.isawaitable(result) else result)
        except asyncio.CancelledError:
            self._answer(call, error=Cancelled("the handler was cancelled"))
            raise
        except Exception as error:
            self._answer_raised(call, error)

    def _withdraw(self, call: Call) -> None:
        if call in self._tasks:
            self._tasks[call].cancel()

    def _ping(self, id: Union[str, int]) -> None:
        with self._lock:
            self._core.answer_ping(id)
        self._wake()

    def _stop(self) -> None:
        self._stopped.set()

    def _call_back(self, function: Callable[..., Any], *arguments: Any) -> None:
        try:
            made = function(*arguments)
        except Exception:
            traceback.print_exc()
            return
        if inspect.isawaitable(made):
            task = asyncio.ensure_future(_reported(made))
            self._others.add(task)
            task.add_done_callback(self._others.discard)


async def _reported(awaitable: Awaitable[Any]) -> None:
    try:
        await awaitable
    except Exception:
        traceback.print_exc()


def start(**options: Any) -> Agent:
    """An `Agent` that is ready: all that a plain script needs before `while agent.running():`."""
    agent = Agent(**options)
    agent.ready()
    return agent

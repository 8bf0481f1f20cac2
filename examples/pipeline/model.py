"""A stand-in for a language model: HTTP on the loopback, no network, and it misbehaves on request.

    POST /complete {"prompt": "…"}   ->  {"text": "…"}
    GET  /health                     ->  200, or 503 in the mode `sick`
    POST /mode {"mode": "429", "count": 3}

The mode holds for `count` completions, or until another one is set. As an agent it takes the same by
`superv call model mode '{"mode": "slow"}'`.
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import superv

MODES = {
    "ok": "answers",
    "slow": "takes three seconds",
    "429": "says that it is asked too often, and to try again in a second",
    "500": "fails",
    "401": "refuses the key",
    "hang": "takes the question and never answers",
    "sick": "answers, but /health says 503",
}
SLOW_SECONDS = 3.0
HANG_SECONDS = 120.0
BODY_MAX = 1 << 20


class Mood:
    """The mode, and for how many completions it holds."""

    def __init__(self):
        self._changed = threading.Condition()
        self.mode, self._count = "ok", None

    def set(self, mode, count=None):
        """Sets it; `count` completions later it is `ok` again. ValueError for a mode there is not."""
        mode = str(mode)
        if mode not in MODES:
            raise ValueError(f"there is no mode {mode!r}; modes are {', '.join(MODES)}")
        if count is not None and (type(count) is not int or count < 1):
            raise ValueError("'count' is a number from 1, or left out")
        with self._changed:
            self.mode, self._count = mode, count
            self._changed.notify_all()
        return {"mode": mode, "count": count, "means": MODES[mode]}

    def take(self):
        """The mode for one completion."""
        with self._changed:
            mode = self.mode
            if self._count is not None:
                self._count -= 1
                if self._count == 0:
                    self.mode, self._count = "ok", None
            return mode

    def wait(self, seconds):
        """Waits, but not beyond the next `set`."""
        with self._changed:
            self._changed.wait(seconds)


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path != "/health":
            return self.say(404, {"error": f"there is no {self.path}"})
        sick = self.server.mood.mode == "sick"
        self.say(503 if sick else 200, {"status": "sick" if sick else "ok"})

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > BODY_MAX:
            self.close_connection = True
            return self.say(413, {"error": f"at most {BODY_MAX} bytes, and Content-Length says how many"})
        try:
            body = json.loads(self.rfile.read(int(length)))
            if self.path == "/complete":
                self.complete(str(body["prompt"]))
            elif self.path == "/mode":
                self.say(200, self.server.mood.set(body["mode"], body.get("count")))
            else:
                self.say(404, {"error": f"there is no {self.path}"})
        except (ValueError, KeyError, TypeError) as error:
            self.say(400, {"error": f"{type(error).__name__}: {error}"})

    def complete(self, prompt):
        mode = self.server.mood.take()
        if mode == "slow":
            self.server.mood.wait(SLOW_SECONDS)
        if mode == "hang":
            self.server.mood.wait(HANG_SECONDS)
            self.close_connection = True
        elif mode == "429":
            self.say(429, {"error": "too many requests"}, {"Retry-After": "1"})
        elif mode in ("500", "401"):
            self.say(int(mode), {"error": "the model fell over" if mode == "500" else "the key is not valid"})
        else:
            self.say(200, {"text": f"{prompt.rstrip('.')}: nobody knows more about it than this model."})

    def say(self, status, body, headers={}):
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(text), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format, *arguments):
        if self.path != "/health":
            self.server.agent.log("debug", "answered", request=self.requestline, status=arguments[1])


class Model(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port, agent):
        super().__init__(("127.0.0.1", port), Answers)
        self.agent = agent
        self.mood = Mood()

    def handle_error(self, request, client_address):
        """A client that gave up waiting is none."""


def main():
    agent = superv.Agent()
    port = int(os.environ.get("MODEL_PORT", "18741"))
    try:
        model = Model(port, agent)
    except OSError as error:
        print(f"model: cannot serve at 127.0.0.1:{port}: {error.strerror}", file=sys.stderr)
        sys.exit(os.EX_TEMPFAIL)  # it may be free later: superv tries again, and waits longer each time
    threading.Thread(target=model.serve_forever, daemon=True).start()

    @agent.handler("mode")
    def mode(params, call):
        try:
            said = model.mood.set(**params)
        except (TypeError, ValueError) as error:
            raise superv.RemoteError(-32602, str(error)) from None
        agent.status(f"{said['mode']}: {said['means']}")
        agent.log("info", "another mode", by=call.sender, **said)
        return said

    agent.ready()
    agent.log("info", "serving", address=f"http://127.0.0.1:{model.server_port}")
    agent.run()


if __name__ == "__main__":
    main()

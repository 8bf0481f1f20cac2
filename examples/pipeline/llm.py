"""Asking a model within a deadline: what to try again, when, and when to leave it alone."""

import http.client
import json
import math
import random
import time
from urllib.parse import urlsplit

import superv

ATTEMPTS = 4
ATTEMPT_SECONDS = 4.0  # how long one attempt may take, when there is that much time at all
BACKOFF_BASE, BACKOFF_CAP = 0.2, 3.0  # seconds
ANSWER_SECONDS = 0.1  # kept of the time there is: what is said at the deadline comes too late


class ModelError(superv.RemoteError):
    """What a caller gets: the HTTP status as code, and whether and when to try again."""

    def __init__(self, code, message, retryable, retry_after=None):
        after = None if retry_after is None else math.ceil(retry_after * 1000)
        super().__init__(code, message, {"retryable": retryable, "retry_after_ms": after})
        self.retryable, self.retry_after = retryable, retry_after


class Breaker:
    """Leaves a model alone that keeps failing: `failures` in a row, and nobody asks it for `recovery` seconds.

    Then one question goes through. Its success lets in everybody, its failure nobody for as long again.
    """

    def __init__(self, failures=5, recovery=5.0, clock=time.monotonic):
        self.failures, self.recovery, self.clock = failures, recovery, clock
        self.failed_in_a_row, self.closed_until = 0, -math.inf

    def ask(self):
        """Asks for leave: raises `CircuitOpen` when there is none."""
        if self.failed_in_a_row < self.failures:
            return
        left = self.closed_until - self.clock()
        if left > 0:
            raise superv.CircuitOpen("the model failed too often, it is left alone", retry_after=left)
        self.closed_until = self.clock() + self.recovery  # for all but the one that asks

    def tell(self, went_well):
        """Tells how it went."""
        self.failed_in_a_row = 0 if went_well else self.failed_in_a_row + 1
        self.closed_until = self.clock() + self.recovery


class Model:
    """The model at a URL, on behalf of an agent."""

    def __init__(self, agent, url, breaker=None):
        self.agent = agent
        self.address = urlsplit(url)
        self.breaker = breaker or Breaker()

    def complete(self, prompt, call):
        """The model's text, or an error that says why there is none, shortly before the deadline of `call`.

        429 and 5xx are tried again, as Retry-After says or after a random while that grows. A refused key is not:
        somebody has to do something about it. A wait that is longer than the time that is left is not begun.

        Who gives up says that trying again is no use, or else everybody above would multiply the attempts.
        """
        end = time.monotonic() + call.remaining() - ANSWER_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self.breaker.ask()
                return self._attempt(prompt, min(ATTEMPT_SECONDS, end - time.monotonic()))
            except superv.SupervError as error:
                wait = error.retry_after
                if wait is None:
                    wait = random.uniform(0, min(BACKOFF_CAP, BACKOFF_BASE * 2**attempt))
                if not error.retryable or attempt == ATTEMPTS or wait >= end - time.monotonic():
                    self.agent.log("error", "gave up on the model", attempt=attempt, code=error.code, why=error.message)
                    raise ModelError(error.code, error.message, False, error.retry_after) from None
                self.agent.log(
                    "warning", "trying the model again", attempt=attempt, code=error.code, wait_ms=round(wait * 1000))
            pause(wait, call)

    def _attempt(self, prompt, seconds):
        went_well = False
        try:
            status, retry_after, body = self._post({"prompt": prompt}, max(0.01, seconds))
            went_well = status < 500  # it is there, whatever it says
        except (OSError, http.client.HTTPException) as error:
            raise ModelError(503, f"the model does not answer: {error or type(error).__name__}", True) from None
        finally:
            self.breaker.tell(went_well)
        if status == 200:
            return json.loads(body)["text"]
        if status in (401, 403):
            self.agent.status("the model refuses the key")
            raise ModelError(status, "the model refuses the key; nothing helps but another one", False)
        if status == 429 or status >= 500:
            raise ModelError(status, f"the model says {status}", True, retry_after)
        raise ModelError(status, f"the model says {status}: {body[:200].decode('utf-8', 'replace')}", False)

    def _post(self, question, seconds):
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=seconds)
        try:
            connection.request("POST", "/complete", json.dumps(question), {"Content-Type": "application/json"})
            response = connection.getresponse()
            after = response.headers.get("Retry-After", "")
            return response.status, float(after) if after.isdigit() else None, response.read()
        finally:
            connection.close()


def pause(seconds, call):
    """Sleeps, but not on after nobody waits any more."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if call.cancelled:
            raise superv.Cancelled("nobody waits for it any more")
        time.sleep(min(0.05, left))

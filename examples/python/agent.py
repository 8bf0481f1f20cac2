"""What the examples share: lines that come out at once, and a stop that waits for a good moment."""

import signal

# Blocked, so that nothing is cut in two; `stop_asked` takes them when it suits.
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)


def stop_asked(within=0):
    """Waits so many seconds at most; true as soon as superv asks this agent to stop."""
    return signal.sigtimedwait(STOP_SIGNALS, within) is not None


def say(text):
    print(text, flush=True)

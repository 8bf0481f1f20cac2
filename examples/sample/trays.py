"""Trays: folders in which one agent leaves work for the next.

A piece of work is one JSON file. It is written under another name and renamed, so that nobody reads
half of it, and it is removed only when what became of it is written: an agent that is killed loses
nothing, it does its last piece again.
"""

import json
import os
import signal
from pathlib import Path

WORK = Path(os.environ.get("WORK_DIR", "."))

# Blocked, so that a piece of work is never cut in two; `stop_asked` takes them when it suits.
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)


def stop_asked(within):
    """Waits so many seconds at most; true as soon as superv asks this agent to stop."""
    return signal.sigtimedwait(STOP_SIGNALS, within) is not None


def say(text):
    """One line for `superv logs`, at once: a pipe is buffered unless it is flushed."""
    print(text, flush=True)


def put(tray, piece):
    folder = WORK / tray
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{piece['id']}"
    draft.write_text(json.dumps(piece))
    draft.rename(folder / f"{piece['id']}.json")


def waiting(tray):
    """The files in a tray, oldest first."""
    return sorted((WORK / tray).glob("[!.]*.json"))


def look(tray):
    """The oldest piece of a tray, which stays there; none when it is empty."""
    return next((json.loads(file.read_text()) for file in waiting(tray)), None)


def remove(tray, piece):
    (WORK / tray / f"{piece['id']}.json").unlink()

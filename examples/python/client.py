"""Needs a service that comes up late: says "try again later" until it is there."""

import os
import sys

from agent import say, stop_asked

ATTEMPTS = 3

incarnation = int(os.environ["SUPERV_INCARNATION"])
if incarnation % (ATTEMPTS + 1) != 0:
    say(f"client: nobody answers (incarnation {incarnation})")
    sys.exit(os.EX_TEMPFAIL)

say("client: connected")
while not stop_asked(within=5):
    say("client: still connected")
say("client: disconnected")

"""A service that others need. It has no way to say that it is ready, so `startsecs` stands in."""

from agent import say, stop_asked

say("store: open")
while not stop_asked(within=10):
    say("store: compacted")
say("store: closed")

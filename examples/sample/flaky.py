"""Answers questions until it dies of one, 20 to 40 seconds after its start."""

import random
import time

from trays import say, stop_asked

end = time.monotonic() + random.uniform(20, 40)

say("flaky: fine, for now")
while not stop_asked(within=4):
    if time.monotonic() > end:
        raise RuntimeError("the answer of the model was cut off")
    say("flaky: answered a question")
say("flaky: stopping")

"""Finds something to write about every two seconds, unless the writer has enough to do."""

import os
import random

from trays import put, say, stop_asked, waiting

TOPICS = ["tides", "moss", "lichen", "bridges", "salt", "kites", "owls", "clocks", "glass", "rain"]
ENOUGH = 4

# Counts the starts of this agent and is never given twice, so it makes ids unique.
incarnation = int(os.environ.get("SUPERV_INCARNATION", "0"))
number = 0

say(f"researcher: looking for topics (incarnation {incarnation})")
while not stop_asked(within=2):
    if len(waiting("notes")) >= ENOUGH:
        continue
    number += 1
    piece = {"id": f"{incarnation:03}-{number:04}", "topic": random.choice(TOPICS), "revision": 1}
    put("notes", piece)
    say(f"{piece['id']}: a note on {piece['topic']}")
say("researcher: stopping")

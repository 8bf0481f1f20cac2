"""A job that ends: imports ten files, one every second and a half, and exits with 0."""

import sys

from trays import say, stop_asked

FILES = 10

for number in range(1, FILES + 1):
    if stop_asked(within=1.5):
        say("importer: stopped before the end")
        sys.exit(0)
    say(f"imported file {number} of {FILES}")
say("importer: done")

"""Works on items, and finishes the one in its hands before it stops."""

import argparse
import itertools
import os
import random
import time

from agent import say, stop_asked

parser = argparse.ArgumentParser()
parser.add_argument("--name", required=True)
name = parser.parse_args().name

say(f"{name}: using {os.environ['MODEL']}, key of {len(os.environ['API_KEY'])} characters")
for item in itertools.count(1):
    if stop_asked():
        break
    say(f"{name}: item {item} begins")
    time.sleep(random.uniform(1, 3))
    say(f"{name}: item {item} done")
say(f"{name}: stopped between two items")

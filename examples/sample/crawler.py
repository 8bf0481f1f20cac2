"""One of several crawlers: takes its own share of the pages, by its instance number."""

import itertools
import random
import sys

from trays import say, stop_asked

shard, shards = int(sys.argv[1]), int(sys.argv[2])

say(f"crawler: pages {shard}, {shard + shards}, {shard + 2 * shards}, …")
for page in itertools.count(shard, shards):
    if stop_asked(within=random.uniform(2, 4)):
        break
    say(f"page {page}: {random.randint(3, 90)} links")
say("crawler: stopping")

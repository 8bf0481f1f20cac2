"""A job that must be done before anything else starts."""

import time

from agent import say

for step in ("tables", "indexes", "views"):
    time.sleep(0.2)
    say(f"migrated the {step}")

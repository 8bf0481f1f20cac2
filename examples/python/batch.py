"""A job that says with its exit code what it found: 0 work done, 3 nothing to do."""

import sys

from agent import say

say("batch: nothing to do")
sys.exit(3)

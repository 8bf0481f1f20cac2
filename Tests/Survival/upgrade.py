#!/usr/bin/env python3
"""Upgrades superv to another program and back, again and again under load, and looks whether anybody noticed.

    upgrade.py --from OLD [--superv NEW] [--upgrades 40] [--workers 10] [--seed N] [--keep FOLDER]

superv is started with OLD, and NEW takes over, then OLD again, and so on; the keeper stays what it was. Agents do what
they do for survive.py, and the same must hold in the end. Exit status 0 when it does.
"""

import os
import subprocess
import sys
import time

from survive import Disturbed, arguments, kill_victim, run


def upgrade(superv, program):
    """Has a program take over.

    Returns: the longest time between two answers over the control socket, in seconds.
    """
    command = subprocess.Popen(
        [program, "upgrade", program], env=superv.environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    longest, last = 0.0, time.monotonic()
    while command.poll() is None:
        superv.wait()
        now = time.monotonic()
        longest, last = max(longest, now - last), now
        time.sleep(0.0005)
    if command.returncode != 0:
        sys.exit(f"superv upgrade {program}: {command.stdout.read()}")
    running = os.readlink(f"/proc/{superv.pids()[0]}/exe")
    if running != os.path.realpath(program):
        sys.exit(f"{running} runs, and not {program}")
    return longest


def run_upgrades(superv, count, programs, dice):
    done = Disturbed()
    for number in range(1, count + 1):
        time.sleep(dice.uniform(0.02, 0.4))
        if number % 3 == 0:
            done.victims += kill_victim(superv, dice)
        to = number % 2
        done.gaps["upgrade to the new one" if to else "upgrade to the old one"].append(upgrade(superv, programs[to]))
    return done


def main():
    parser = arguments(__doc__)
    parser.add_argument("--from", dest="old", required=True)
    parser.add_argument("--upgrades", type=int, default=40)
    options = parser.parse_args()
    programs = [os.path.abspath(options.old), os.path.abspath(options.superv)]
    print(f"{options.upgrades} upgrades, seed {options.seed}")
    return run(
        options, options.old, lambda superv, dice: run_upgrades(superv, options.upgrades, programs, dice))


if __name__ == "__main__":
    sys.exit(main())

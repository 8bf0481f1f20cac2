"""Takes a topic, has it researched from two sides at once, and has a text written from that.

The time it has is that of its caller. Half of it is for research; what is left then is the writer's.
"""

import asyncio
import itertools
import os
import time

import superv

ANGLES = ("history", "habits")
RESEARCH_SHARE = 0.5  # of the time that is left
ATTEMPTS = 3

agent = superv.AsyncAgent()
plans = itertools.count(1)


@agent.handler("plan")
async def plan(params, call):
    topic = params.get("topic") if isinstance(params, dict) else None
    if not isinstance(topic, str) or not topic:
        raise superv.RemoteError(-32602, 'a plan needs a topic: {"topic": "owls"}')
    # By this name the logs of all that had to do with it can be found.
    task = call.task or f"plan-{os.environ.get('SUPERV_INCARNATION', '0')}-{next(plans)}"
    began = time.monotonic()
    agent.log("info", "planning", task=task, topic=topic, by=call.sender, left_s=round(call.remaining(), 3))
    agent.status(f"planning {topic}")
    try:
        async with agent.op("plan", expected=10.0):
            notes, missing = await research(topic, call, task)
            draft = await ask("writer", "draft", {"topic": topic, "notes": notes}, call.remaining(), task)
    except superv.SupervError as error:
        # Whoever asked is told what went wrong, and whether to ask again.
        agent.log("error", "no plan", task=task, topic=topic, kind=error.kind, code=error.code, why=error.message)
        raise
    finally:
        agent.status("waiting for a topic")
    took = round((time.monotonic() - began) * 1000)
    agent.log("info", "planned", task=task, topic=topic, took_ms=took, missing=missing)
    return {"topic": topic, "text": draft["text"], "missing": missing, "took_ms": took, "task": task}


async def research(topic, call, task):
    """Notes from all sides, and the sides from which none came: half a plan is better than none."""
    seconds = call.remaining() * RESEARCH_SHARE
    asked = [ask("researcher", "look_up", {"topic": topic, "angle": angle}, seconds, task) for angle in ANGLES]
    came = await asyncio.gather(*asked, return_exceptions=True)
    failed = [each for each in came if isinstance(each, BaseException)]
    notes = [each for each in came if not isinstance(each, BaseException)]
    if not notes:
        raise failed[0]
    return notes, [angle for angle, each in zip(ANGLES, came) if each in failed]


async def ask(to, method, params, seconds, task):
    """A call that is tried again where that can help: the other instance may be alive, a queue shorter by then."""
    try:
        return await agent.call(to, method, params, timeout=seconds, task=task, attempts=ATTEMPTS)
    except superv.SupervError as error:
        agent.log(
            "warning", "no answer", task=task, agent=to, method=method, kind=error.kind, code=error.code, why=error.message)
        raise


async def main():
    async with agent:
        agent.ready()
        agent.status("waiting for a topic")
        await agent.stopped()


if __name__ == "__main__":
    asyncio.run(main())

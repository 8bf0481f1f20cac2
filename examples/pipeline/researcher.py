"""Looks things up. Four at a time: looking up is mostly waiting for the model."""

import os

import superv
from llm import Model

agent = superv.Agent()
model = Model(agent, os.environ.get("MODEL_URL", "http://127.0.0.1:18741"))


@agent.handler("look_up")
def look_up(params, call):
    """A note on `topic`, seen from one `angle`."""
    topic, angle = params["topic"], params["angle"]
    with agent.op("look_up", expected=5.0):
        note = model.complete(f"The {angle} of {topic}", call)
    agent.log("info", "looked up", topic=topic, angle=angle, left_s=round(call.remaining(), 3))
    return {"angle": angle, "note": note, "by": agent.name}


agent.ready()
agent.run(threads=4)

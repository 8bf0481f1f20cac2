"""Writes a text from notes. One at a time, on the main thread, as a program that is busy does."""

import os

import superv
from llm import Model

agent = superv.Agent()
model = Model(agent, os.environ.get("MODEL_URL", "http://127.0.0.1:18741"))


@agent.handler("draft")
def draft(params, call):
    """A text about `topic` from `notes`."""
    topic, notes = params["topic"], params["notes"]
    # Meanwhile no ping is answered. That is excused, for an operation runs; ten times five seconds later no more.
    with agent.op("draft", expected=5.0):
        closing = model.complete(f"What {len(notes)} notes say about {topic}", call)
    agent.log("info", "drafted", topic=topic, notes=len(notes))
    return {"text": "\n".join([note["note"] for note in notes] + [closing])}


agent.ready()
agent.run()

"""Approves drafts; every third one goes back to the writer once."""

from trays import look, put, remove, say, stop_asked

reviewed = 0
say("reviewer: waiting for drafts")
while not stop_asked(within=1):
    piece = look("drafts")
    if piece is None:
        continue
    reviewed += 1
    if reviewed % 3 == 0 and piece["revision"] == 1:
        put("notes", {**piece, "revision": 2})
        say(f"{piece['id']}: too short, back to the writer")
    else:
        put("approved", piece)
        say(f"{piece['id']}: approved")
    remove("drafts", piece)
say("reviewer: stopping")

"""Makes drafts from notes, one at a time."""

from trays import look, put, remove, say, stop_asked

say("writer: waiting for notes")
while not stop_asked(within=1):
    piece = look("notes")
    if piece is None:
        continue
    words = 80 + 40 * piece["revision"]
    put("drafts", {**piece, "words": words})
    remove("notes", piece)
    say(f"{piece['id']}: draft {piece['revision']} on {piece['topic']}, {words} words")
say("writer: stopping")

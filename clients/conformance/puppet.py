"""An agent whose strings the script holds: it passes bytes on between superv and the script.

Every connection made to $PUPPET_SOCKET gets a connection of its own to $SUPERV_SOCKET, so that the
script can play this agent byte by byte. When either side closes, so does the other.
"""

import os
import socket
import threading


def pass_on(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass  # one side is gone, which is said by closing
    for side in (source, sink):
        try:
            side.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


path = os.environ["PUPPET_SOCKET"]
if os.path.exists(path):
    os.unlink(path)
door = socket.socket(socket.AF_UNIX)
door.bind(path)
door.listen()
while True:
    script, _ = door.accept()
    superv = socket.socket(socket.AF_UNIX)
    superv.connect(os.environ["SUPERV_SOCKET"])
    for ends in ((script, superv), (superv, script)):
        threading.Thread(target=pass_on, args=ends, daemon=True).start()

"""A server of names.

    names.py NAME=ADDRESS...

Says "ready", then "asked for NAME" with each question, and goes on until it is killed. Names that it wasn't given don't exist.
"""

import socket
import struct
import sys

PORT = 53
A = 1
NO_SUCH_NAME = 3
TTL = 60


def name_of(question):
    labels, at = [], 0
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels).lower(), at + 1


def answer(message, known):
    number, _, _ = struct.unpack("!HHH", message[:6])
    name, length = name_of(message[12:])
    question = message[12 : 12 + length + 4]
    (kind,) = struct.unpack("!H", question[-4:-2])
    print("asked for", name, flush=True)
    record = b""
    if kind == A and name in known:
        # 0xC00C: the name that stands in the question.
        record = struct.pack("!HHHIH", 0xC00C, A, 1, TTL, 4) + socket.inet_aton(known[name])
    flags = 0x8580 | (0 if name in known else NO_SUCH_NAME)
    return struct.pack("!HHHHHH", number, flags, 1, bool(record), 0, 0) + question + record


def main(known):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("", PORT))
    print("ready", flush=True)
    while True:
        message, sender = server.recvfrom(512)
        server.sendto(answer(message, known), sender)


main(dict(word.split("=") for word in sys.argv[1:]))

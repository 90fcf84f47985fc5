"""What the lab's networks do to packets, seen from inside.

    probe.py serve                answers on TCP and UDP until it is killed
    probe.py ask ADDRESS...       asks such servers, the first one for bytes too, and says what it found as JSON
"""

import json
import socket
import sys
import threading
import time

PORT = 7000
BYTES = 20_000_000
ROUNDS = 5


def serve():
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("", PORT))
    tcp = socket.create_server(("", PORT))
    threading.Thread(target=echo, args=[udp], daemon=True).start()
    print("ready", flush=True)
    while True:
        connection, _ = tcp.accept()
        with connection:
            if connection.recv(1):
                connection.sendall(bytes(BYTES))


def echo(udp):
    while True:
        _, sender = udp.recvfrom(100)
        udp.sendto(json.dumps(sender).encode(), sender)


def ask(addresses):
    # One socket for all: what each of them sees is up to the routers between.
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.settimeout(5)
    seen, rounds = [], []
    for address in addresses:
        for _ in range(ROUNDS):
            start = time.monotonic()
            udp.sendto(b"?", (address, PORT))
            answer = json.loads(udp.recvfrom(100)[0])
            rounds.append(time.monotonic() - start)
        seen.append(answer)
    with socket.create_connection((addresses[0], PORT), timeout=5) as tcp:
        start = time.monotonic()
        tcp.sendall(b"!")
        got = 0
        while received := tcp.recv(1 << 20):
            got += len(received)
        assert got == BYTES, got
        rate = got / (time.monotonic() - start)
    print(
        json.dumps(
            {
                "port": udp.getsockname()[1],
                "seen": seen,
                "fastest_ms": min(rounds) * 1000,
                "bytes_per_second": rate,
            }
        )
    )


if sys.argv[1] == "serve":
    serve()
else:
    ask(sys.argv[2:])

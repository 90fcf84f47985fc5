"""A cable that takes its time: two TAP devices, each packet of the one comes out of the other some milliseconds later.

    delay.py FIRST SECOND MILLISECONDS

Makes both devices where it runs, says "ready", and goes on until it is killed. A device may then be moved to another
network namespace: this end stays with it. Some kernels have no netem, which would do the same.
"""

import collections
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000

# Bytes under way in one direction: what 100 MB/s is in 40 ms. A cable drops what comes on top, as any queue does.
QUEUE = 4_000_000
# Bytes: more than a frame of an interface that nobody gave a larger MTU.
FRAME = 2048
# Frames read before those that are due are sent.
BATCH = 64


def tap(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return device


class Direction:
    def __init__(self, source, target, delay):
        self.source, self.target, self.delay = source, target, delay
        self.queue = collections.deque()
        self.bytes = 0

    def take(self):
        for _ in range(BATCH):
            try:
                frame = os.read(self.source, FRAME)
            except OSError:
                # Nothing more, or the device is not up yet.
                return
            if self.bytes + len(frame) <= QUEUE:
                self.queue.append((time.monotonic() + self.delay, frame))
                self.bytes += len(frame)

    def give(self):
        now = time.monotonic()
        while self.queue and self.queue[0][0] <= now:
            _, frame = self.queue.popleft()
            self.bytes -= len(frame)
            try:
                os.write(self.target, frame)
            except OSError:
                # Not up, or gone: the frame is lost, as on a cable that is pulled.
                pass


def main(first, second, milliseconds):
    ends = [tap(first), tap(second)]
    delay = float(milliseconds) / 1000
    directions = [Direction(*ends, delay), Direction(*reversed(ends), delay)]
    print("ready", flush=True)
    while True:
        due = [direction.queue[0][0] for direction in directions if direction.queue]
        wait = max(0, min(due) - time.monotonic()) if due else None
        readable, _, _ = select.select(ends, [], [], wait)
        for direction in directions:
            if direction.source in readable:
                direction.take()
            direction.give()


main(*sys.argv[1:])

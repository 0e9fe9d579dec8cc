"""Flags and stopwatch of the Python side; benches/src/bin/workload.rs is the other side and takes the same flags."""

import argparse
import json
import time


def flags(description, nets):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("net", choices=nets)
    parser.add_argument("--batch", type=int, required=True, help="samples in a batch")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a repetition and of the warm-up")
    return parser


def repeat(flags, iteration):
    """Calls `iteration(number)` until all repetitions are done; prints a JSON line for the warm-up and for each of them."""
    number = 0
    for _ in range(flags.repetitions + 1):
        first, begun = number, time.perf_counter()
        while time.perf_counter() - begun < flags.seconds:
            number += 1
            iteration(number)
        seconds = time.perf_counter() - begun
        line = {"iterations": number - first, "seconds": seconds, "peak_rss_mb": peak_rss_mb()}
        print(json.dumps(line), flush=True)


def peak_rss_mb():
    """The most memory that this process has had, in MB; None where the system does not tell."""
    try:
        with open("/proc/self/status") as status:
            kib = next(line.split()[1] for line in status if line.startswith("VmHWM:"))
        return int(kib) * 1024 / 1e6
    except (OSError, StopIteration):
        return None

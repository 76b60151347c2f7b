"""One contender in a process of its own, with what it took."""

import multiprocessing
import resource
import statistics
import time
from concurrent.futures import ProcessPoolExecutor


def in_own_process(function, *arguments):
    """What a module's function returns in a fresh process, whose memory and imports no other contender shares."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def timed(function, *arguments):
    """What a function returns, with wall-clock seconds and the processor seconds of all its threads."""
    wall, processor = time.perf_counter(), time.process_time()
    returned = function(*arguments)
    return returned, {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - processor}


def peak_mib():
    """The most memory that this process has held so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def medians(rounds):
    """The median of each figure over several rounds."""
    return {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}

"""A worker whose jobs know the method `stepwise`; each job's process imports this module by the class's name."""

from engine.synthesizers import registry
from tests.workers.stepwise import INFO
from workers import spawning

registry.register(INFO)


class StepwiseWorker(spawning.RunWorker):
    """As the product's worker."""


def main():
    """As `python -m workers.main`."""
    import workers.main

    spawning.RunWorker = StepwiseWorker
    return workers.main.main()

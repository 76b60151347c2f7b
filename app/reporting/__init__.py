"""The releasable document of a run, and the words that must not be in it."""

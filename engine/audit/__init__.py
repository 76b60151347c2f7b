"""The empirical audit: whole runs on neighbouring tables, and what an adversary proves of their privacy loss."""

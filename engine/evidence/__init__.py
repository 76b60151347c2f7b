"""Evidence that a stranger can check: canonical JSON, signatures, and their verification, without any private data."""

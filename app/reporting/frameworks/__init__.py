"""Laws, standards and guides that a report can be arranged for: what each asks, and what its annex says."""

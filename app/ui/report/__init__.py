"""The report on screen: every number with its interval and what it is compared with."""

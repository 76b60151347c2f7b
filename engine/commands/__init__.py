"""Commands of the command line, one module each: `add` declares its options, `run` carries it out."""

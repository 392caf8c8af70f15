"""One module a command: `configure(parser)` declares its arguments, `run(args)` does it and returns the exit code.

A module imports what its command needs inside `run`, so that `gemba --help` stays quick.
"""

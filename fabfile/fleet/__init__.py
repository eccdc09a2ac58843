"""Which hosts a run works on, how many at once, and in what order."""

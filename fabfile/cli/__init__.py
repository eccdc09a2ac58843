"""The command line: its tasks, options and completion."""

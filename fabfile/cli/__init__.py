"""What a person types: the command line, its tasks and options."""

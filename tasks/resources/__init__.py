"""The kinds of resource that only a mail server has."""

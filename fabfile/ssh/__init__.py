"""SSH: the connection to a host, its keys, and what its failures mean."""

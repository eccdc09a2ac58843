"""SSH: connections to hosts, the keys on both sides, and remedies for failures."""

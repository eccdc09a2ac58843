"""The engine: survey a host, compare, apply."""

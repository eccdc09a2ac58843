"""The kinds of resources of any Unix server. Those of mail programs are in `tasks/`."""

"""The kinds of resources that any Unix server has. Those of mail programs are in `tasks/`."""

"""mailfab's reading of inventories beside Ansible's own."""

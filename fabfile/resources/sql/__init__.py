"""MySQL and MariaDB: databases, tables, accounts, grants, and the unsafe defaults of a new server.

One run of the client reads all of them, from the host's own server. Statements on the client's
standard input change them, as the server's root. Passwords travel as hashes, and as they are only
to a server that checks them. Both MySQL 5.1 and the newest MariaDB accept every
statement.
"""

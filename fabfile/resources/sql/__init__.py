"""MySQL and MariaDB: databases, tables, accounts, grants, and the unsafe defaults of a new server.

One run of the client reads all of them. Statements on the client's standard input change them, as
the server's root. Passwords travel as hashes. Both MySQL 5.1 and the newest MariaDB accept every
statement.
"""

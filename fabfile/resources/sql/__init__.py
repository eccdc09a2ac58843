"""MySQL and MariaDB: databases, tables, accounts, grants, and what a fresh server leaves open.

All of it is found by one run of the client, and changed by statements on the client's standard
input, as the server's root. Passwords travel as hashes made here. Every statement is one that MySQL
5.1 knows as well as the newest MariaDB.
"""

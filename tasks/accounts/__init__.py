"""Guide: "Set Up and Test Domains and Users": commands for all that the mail database holds.

The guide types INSERTs into the MySQL shell. These do the same with checked names, and with
passwords hashed here, so that none is ever in a command line, a log or the server's memory. There
is a module for each noun; `state` is the database as a value, for commands on several tables.
"""

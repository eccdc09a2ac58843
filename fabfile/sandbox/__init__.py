"""Throw-away real servers on this machine: systemd (or SysV init) as PID 1, real sshd, real apt.

A server is a systemd-nspawn container on an overlay over a cached image, in a network namespace
of its own. The sandbox knows nothing of mail: a server is a bare Debian, as hosting providers
deliver it.
"""

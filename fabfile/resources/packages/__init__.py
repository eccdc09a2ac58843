"""Packages: installed or not, by the package manager of the host."""

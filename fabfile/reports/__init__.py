"""Reports of a whole run: a JSON document for programs, JUnit's XML for CI, a page for people."""

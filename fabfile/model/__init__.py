"""The words of the design: hosts, facts, resources, sections, and the values around them."""

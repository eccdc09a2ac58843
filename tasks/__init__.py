"""The guide: one module for each section, and the commands for accounts. Knows nothing of SSH."""

"""What is shown of a run: on the terminal and in report files."""

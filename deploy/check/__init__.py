"""Checks of `deploy/`: what the handbook tells to do is done, and what the units start is started."""

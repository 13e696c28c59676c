"""What the pages are dressed in: a design system, fonts and htmx, as npm dependencies."""

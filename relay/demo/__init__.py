"""The demo: a town, an official message, and emulated phones that answer. Only the provider is made up; all else is the product."""

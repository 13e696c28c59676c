"""The demo: a town, an official message, and emulated phones that answer. The real product on its embedded default; only the provider is in the house."""

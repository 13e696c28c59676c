"""What is served over HTTP: callbacks from providers, health, and (later) pages and the API."""

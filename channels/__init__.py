"""What a provider knows: how to send, and how to read what comes back. Nothing about alerts."""

"""A provider in the house: Twilio's HTTP, mail, and phones with characters. A process of its own with an append-only ledger."""

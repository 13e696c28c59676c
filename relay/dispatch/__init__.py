"""Sending: what is due is leased (`wheel`), gets its words (`texts`), and leaves, one call at a time to one person (`call`)."""

from relay.dispatch.wheel import Dispatcher

__all__ = ["Dispatcher"]

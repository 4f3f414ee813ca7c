"""Calls to others' programs: signed as Standard Webhooks says, to public addresses only, tried for a day."""

"""The Realtime service of the embedded stack: Postgres changes over `/realtime/v1/websocket`, as Supabase speaks it.

What holds, beyond the wire shapes:

- LISTEN is live and a subscription is in force before its join is answered: a change committed after the answer is
  told.
- A notification carries keys; the row is read again under the subscriber's role, so it may be a newer state than the
  one that was committed, and filters look at what was read. Messages about one row keep their order. Several updates
  of one row in one transaction are told once, and a row that is gone by the time it is read is told by its DELETE
  alone.
- Row security cannot be asked about a row that is gone: as on Supabase, a DELETE goes to every subscriber whose
  filters it passes, and carries the primary key only. Filters on other columns keep DELETEs away.
- Notifications that were lost (the database restarted, more changes waited than ``reader.MOST_WAITING``) are
  said: the channels get ``phx_error``, on which both clients join again by themselves, and whoever
  reads on from its last ``seq`` at every SUBSCRIBED has missed nothing.
- A client that does not read is cut off when its buffer is full, and joins again as above.

Broadcast, presence and private channels are not offered: joins that carry their configuration are accepted, as
supabase-js always sends it, and pushes of that kind are answered with an error.
"""

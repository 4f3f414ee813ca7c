-- Takes a turn under every key, or under none: at most so many calls within any span, exactly. Returns the seconds to
-- wait; 0: the turn is taken. Rows are locked in the order of their keys, so that two calls never wait for each other.
create or replace function maquette.take_turn(keys text[], most integer, span interval) returns double precision
language plpgsql
security invoker
set search_path = ''
as $$
declare
    at timestamptz := pg_catalog.clock_timestamp();
    wait double precision;
begin
    insert into maquette.call_rates (key, calls, last_call)
    select k, '{}', at from pg_catalog.unnest(keys) as k order by k
    on conflict (key) do nothing;
    perform 1 from maquette.call_rates where key = any (keys) order by key for update;
    -- Whoever had to wait for a lock counts from now.
    at := pg_catalog.clock_timestamp();
    select max(extract(epoch from r.calls[cardinality(r.calls) - most + 1] + span - at)) into wait
    from maquette.call_rates r
    where r.key = any (keys) and cardinality(r.calls) >= most;
    if wait > 0 then
        return wait;
    end if;
    update maquette.call_rates r
    set calls = r.calls[greatest(cardinality(r.calls) - most + 2, 1):] || at, last_call = at
    where r.key = any (keys);
    delete from maquette.call_rates where key in (
        select r.key from maquette.call_rates r where r.last_call < at - interval '1 day'
        order by r.last_call limit 10 for update skip locked);
    return 0;
end
$$;
revoke execute on function maquette.take_turn(text[], integer, interval) from public, anon, authenticated;

-- What an event is called outside; null: it is not told. The list is in maquette.db.webhooks too, and a test compares.
create or replace function maquette.webhook_type(event_type text, payload jsonb) returns text
language sql
immutable
set search_path = ''
as $$
    select case
        when event_type = 'complete' then 'run.completed'
        when event_type = 'error' and payload ->> 'status' = 'failed' then 'run.failed'
        when event_type = 'error' and payload ->> 'status' = 'cancelled' then 'run.cancelled'
        when event_type = 'model' then 'model.created'
        when event_type = 'promote' and (payload ->> 'promoted')::boolean then 'model.promoted'
        when event_type = 'export' then 'export.created'
    end
$$;
revoke execute on function maquette.webhook_type(text, jsonb) from public, anon, authenticated;

-- One delivery for each webhook that wants to hear of an event, in the event's own transaction: neither is there
-- without the other. As its owner, for whoever appends an event need not be able to read webhooks.
create or replace function maquette.wait_for_webhooks() returns trigger
language plpgsql
security definer
set search_path = ''
as $$
declare
    told text := maquette.webhook_type(new.type, new.payload);
begin
    if told is null then
        return null;
    end if;
    insert into maquette.webhook_deliveries (webhook_id, project_id, seq, type, payload)
    select w.id, new.project_id, new.seq, told,
           pg_catalog.jsonb_build_object(
               'type', told, 'timestamp', new.created_at,
               'data', new.payload || pg_catalog.jsonb_build_object(
                   'project_id', new.project_id, 'seq', new.seq, 'run_id', new.run_id))
    from maquette.webhooks w
    join public.projects p on p.owner_id = w.owner_id
    where p.id = new.project_id
      and (w.project_id is null or w.project_id = new.project_id)
      and w.disabled_at is null
      and told = any (w.types);
    if found then
        perform pg_catalog.pg_notify('maquette_webhooks', '');
    end if;
    return null;
end
$$;
revoke execute on function maquette.wait_for_webhooks() from public, anon, authenticated;

create or replace trigger events_wait_for_webhooks after insert on public.events
for each row execute function maquette.wait_for_webhooks();

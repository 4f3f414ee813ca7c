-- Appends one event and returns its seq. The update takes the project's row lock, so seq has no gaps and no races.
create or replace function public.append_event(
    for_project_id uuid, for_run_id uuid, event_type text, event_payload jsonb
) returns bigint
language plpgsql
security invoker
set search_path = ''
as $$
declare
    next_seq bigint;
begin
    update public.projects set event_seq = event_seq + 1, updated_at = now()
    where id = for_project_id
    returning event_seq into next_seq;
    if next_seq is null then
        raise exception 'no project %', for_project_id using errcode = 'no_data_found';
    end if;
    insert into public.events (project_id, seq, run_id, type, payload)
    values (for_project_id, next_seq, for_run_id, event_type, event_payload);
    -- Keys only: NOTIFY carries at most 8,000 bytes.
    perform pg_catalog.pg_notify(
        'maquette_events', pg_catalog.json_build_object('project_id', for_project_id, 'seq', next_seq)::text
    );
    return next_seq;
end
$$;
revoke execute on function public.append_event(uuid, uuid, text, jsonb) from public, anon, authenticated;
grant execute on function public.append_event(uuid, uuid, text, jsonb) to service_role;
comment on function public.append_event(uuid, uuid, text, jsonb) is
    'The one way to add to a project''s history; call it in the transaction of the change it tells of.';

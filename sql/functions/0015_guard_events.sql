-- The history of a project is only ever added to, and goes with the project alone.
create or replace function public.guard_event() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
    if tg_op = 'INSERT' then
        if new.seq < 1 or new.seq > (select p.event_seq from public.projects p where p.id = new.project_id) then
            raise exception 'event % of project % was not counted', new.seq, new.project_id
                using errcode = 'check_violation', hint = 'Call append_event.';
        end if;
        return new;
    end if;
    -- When the project is deleted, its row is gone before the cascade comes here.
    if tg_op = 'DELETE' and not exists (select 1 from public.projects p where p.id = old.project_id) then
        return old;
    end if;
    raise exception 'events are append-only' using errcode = 'check_violation';
end
$$;
revoke execute on function public.guard_event() from public, anon, authenticated;

create or replace trigger events_guard before insert or update or delete on public.events
for each row execute function public.guard_event();
create or replace trigger events_guard_truncate before truncate on public.events
for each statement execute function public.guard_event();

-- A count without its event would be a gap. Asked when the transaction ends, for both are written in one.
create or replace function public.guard_event_seq() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
    if not exists (select 1 from public.events e where e.project_id = new.id and e.seq = new.event_seq)
        and exists (select 1 from public.projects p where p.id = new.id) then
        raise exception 'project % counts an event % that nobody wrote', new.id, new.event_seq
            using errcode = 'check_violation', hint = 'Call append_event.';
    end if;
    return null;
end
$$;
revoke execute on function public.guard_event_seq() from public, anon, authenticated;

drop trigger if exists projects_guard_event_seq on public.projects;
create constraint trigger projects_guard_event_seq after update of event_seq on public.projects
deferrable initially deferred for each row
when (new.event_seq is distinct from old.event_seq) execute function public.guard_event_seq();

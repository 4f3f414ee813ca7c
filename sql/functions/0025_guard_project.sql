-- A project is processing exactly while it has a run that is queued or running; every other status is a rest, and by
-- hand none is changed into another: only the trigger of runs does that. event_seq counts events one by one.
create or replace function public.guard_project() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
declare
    busy boolean;
begin
    if new.event_seq not in (old.event_seq, old.event_seq + 1) then
        raise exception 'event_seq of project % is %, which cannot become %', old.id, old.event_seq, new.event_seq
            using errcode = 'check_violation';
    end if;
    if new.status is distinct from old.status then
        busy := exists (
            select 1 from public.runs r where r.project_id = old.id and r.status in ('queued', 'running'));
        if busy <> (new.status = 'processing')
            or ('processing' not in (old.status, new.status) and pg_catalog.pg_trigger_depth() < 2) then
            raise exception 'project % is % and cannot become %', old.id, old.status, new.status
                using errcode = 'check_violation', hint = 'The status follows the project''s runs by itself.';
        end if;
    end if;
    return new;
end
$$;
revoke execute on function public.guard_project() from public, anon, authenticated;

create or replace trigger projects_guard before update of status, event_seq on public.projects
for each row execute function public.guard_project();

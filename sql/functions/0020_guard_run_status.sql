-- A run moves queued -> running -> completed | failed | cancelled and never back, except running -> queued for
-- another attempt. The last three are final: a finished run never runs again.
create or replace function public.guard_run_status() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
    if old.status in ('completed', 'failed', 'cancelled') and new.status is distinct from old.status then
        raise exception 'run % is % and stays so', old.id, old.status using errcode = 'check_violation';
    end if;
    if old.status = 'queued' and new.status = 'completed' and new.attempt = 0 then
        raise exception 'run % has not started', old.id using errcode = 'check_violation';
    end if;
    return new;
end
$$;
revoke execute on function public.guard_run_status() from public, anon, authenticated;

create or replace trigger runs_guard_status before update of status on public.runs
for each row execute function public.guard_run_status();

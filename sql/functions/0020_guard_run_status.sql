-- Which way a run may go. The last three statuses are final: a finished run never runs again.
--   queued  -> running, cancelled, failed, completed (an upload, which is carried out where it is called)
--   running -> completed, failed, cancelled, queued (another attempt)
-- attempt counts starts: it rises by one with each and never otherwise.
create or replace function public.guard_run_status() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
declare
    starts integer := (old.status = 'queued' and new.status in ('running', 'completed'))::integer;
begin
    if (new.id, new.project_id, new.step) is distinct from (old.id, old.project_id, old.step) then
        raise exception 'run % stays the step % of its project', old.id, old.step using errcode = 'check_violation';
    end if;
    if new.status <> old.status and (old.status, new.status) not in (
        ('queued', 'running'), ('queued', 'cancelled'), ('queued', 'failed'), ('queued', 'completed'),
        ('running', 'completed'), ('running', 'failed'), ('running', 'cancelled'), ('running', 'queued')
    ) then
        raise exception 'run % is % and cannot become %', old.id, old.status, new.status
            using errcode = 'check_violation';
    end if;
    if new.attempt <> old.attempt + starts then
        raise exception 'run % is at attempt %, which cannot become %', old.id, old.attempt, new.attempt
            using errcode = 'check_violation';
    end if;
    if new.status in ('completed', 'failed', 'cancelled') then
        new.finished_at = coalesce(new.finished_at, pg_catalog.now());
    end if;
    return new;
end
$$;
revoke execute on function public.guard_run_status() from public, anon, authenticated;

create or replace trigger runs_guard_status before update of status, attempt, id, project_id, step on public.runs
for each row execute function public.guard_run_status();

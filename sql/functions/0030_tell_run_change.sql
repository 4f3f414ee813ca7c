-- Every change of a run that a watcher would want to see becomes an event and shows on its project, in the same
-- transaction, whoever makes the change: API, worker, sweep or a person with SQL.
create or replace function public.tell_run_change() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
    if tg_op = 'UPDATE' and (new.status, new.stage, new.progress_percentage, new.message, new.cancel_requested_at)
        is not distinct from (old.status, old.stage, old.progress_percentage, old.message, old.cancel_requested_at) then
        return null;
    end if;
    update public.projects set
        status = case
            when new.status in ('queued', 'running') then 'processing'
            when new.status = 'failed' then 'failed'
            when new.status = 'completed' and new.step = 'upload' then 'uploaded'
            when new.status = 'completed' then 'completed'
            when exists (select 1 from public.gaussian_splat_models m where m.project_id = new.project_id) then 'completed'
            when exists (select 1 from public.source_images i where i.project_id = new.project_id) then 'uploaded'
            else 'created'
        end,
        current_step = new.step,
        progress_percentage = new.progress_percentage
    where id = new.project_id
      -- A step that waits behind another, or an upload beside it, does not hide the one that runs.
      and (new.status = 'running' or not exists (
          select 1 from public.runs r
          where r.project_id = new.project_id and r.id <> new.id and r.status in ('queued', 'running')));
    perform public.append_event(
        new.project_id, new.id,
        case
            when new.status = 'completed' then 'complete'
            when new.status in ('failed', 'cancelled') then 'error'
            else 'progress'
        end,
        pg_catalog.jsonb_build_object(
            'run_id', new.id, 'step', new.step, 'status', new.status, 'stage', new.stage,
            'progress_percentage', new.progress_percentage, 'message', new.message,
            'attempt', new.attempt, 'degraded', new.degraded, 'error', new.error
        )
    );
    return null;
end
$$;
revoke execute on function public.tell_run_change() from public, anon, authenticated;

create or replace trigger runs_tell_change after insert or update on public.runs
for each row when (not public.is_importing()) execute function public.tell_run_change();

create or replace function public.tell_model_change() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
    if tg_op = 'INSERT' or new.promoted is distinct from old.promoted then
        perform public.append_event(
            new.project_id, new.run_id, case when tg_op = 'INSERT' then 'model' else 'promote' end,
            pg_catalog.jsonb_build_object(
                'version', new.version, 'parent_version', new.parent_version, 'promoted', new.promoted,
                'psnr', new.psnr, 'ssim', new.ssim, 'num_gaussians', new.num_gaussians
            )
        );
    end if;
    return null;
end
$$;
revoke execute on function public.tell_model_change() from public, anon, authenticated;

create or replace trigger gaussian_splat_models_tell_change after insert or update of promoted on public.gaussian_splat_models
for each row when (not public.is_importing()) execute function public.tell_model_change();

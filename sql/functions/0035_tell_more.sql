-- Events of what a run makes and of the project's name. Photos, views, depth maps and metrics have none of their own:
-- they come many at a time, and the run's progress and the model's event say when to look.
create or replace function public.tell_iteration() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
    perform public.append_event(
        new.project_id, new.run_id, 'iteration',
        pg_catalog.jsonb_build_object(
            'iteration', new.iteration, 'version', new.version, 'parent_version', new.parent_version,
            'quality_before', new.quality_before, 'quality_after', new.quality_after,
            'relative_gain', new.relative_gain, 'converged', new.converged, 'promoted', new.promoted
        )
    );
    return null;
end
$$;
revoke execute on function public.tell_iteration() from public, anon, authenticated;
create or replace trigger enhancement_iterations_tell after insert on public.enhancement_iterations
for each row when (not public.is_importing()) execute function public.tell_iteration();

create or replace function public.tell_preview() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
    perform public.append_event(
        new.project_id, new.run_id, 'preview',
        pg_catalog.jsonb_build_object(
            'run_id', new.run_id, 'attempt', new.attempt, 'iteration', new.iteration, 'iterations', new.iterations,
            'psnr', new.psnr
        )
    );
    return null;
end
$$;
revoke execute on function public.tell_preview() from public, anon, authenticated;
create or replace trigger training_previews_tell after insert or update of artifact_id on public.training_previews
for each row when (not public.is_importing()) execute function public.tell_preview();

create or replace function public.tell_export() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
    perform public.append_event(
        new.project_id, new.run_id, 'export',
        pg_catalog.jsonb_build_object(
            'export_id', new.id, 'version', new.version, 'format', new.format, 'bytes', new.bytes
        )
    );
    return null;
end
$$;
revoke execute on function public.tell_export() from public, anon, authenticated;
create or replace trigger export_history_tell after insert on public.export_history
for each row when (not public.is_importing()) execute function public.tell_export();

create or replace function public.tell_rename() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
    perform public.append_event(new.id, null, 'rename', pg_catalog.jsonb_build_object('name', new.name));
    return null;
end
$$;
revoke execute on function public.tell_rename() from public, anon, authenticated;
create or replace trigger projects_tell_rename after update of name on public.projects
for each row when (new.name is distinct from old.name) execute function public.tell_rename();

create or replace function public.tell_start_camera() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
    perform public.append_event(
        new.id, null, 'start_camera', pg_catalog.jsonb_build_object('start_camera', new.start_camera));
    return null;
end
$$;
revoke execute on function public.tell_start_camera() from public, anon, authenticated;
create or replace trigger projects_tell_start_camera after update of start_camera on public.projects
for each row when (new.start_camera is distinct from old.start_camera) execute function public.tell_start_camera();

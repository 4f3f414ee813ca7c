-- What was made from photos that have been replaced since. Derived from lineage each time and stored nowhere: a stored
-- mark would have to be taken back when the old photo returns, and be right in every table that shows it.
--
-- It goes from a photo to what shows that photo: its view, the versions trained on that view and their files, exports.
-- It does not go through
-- * cameras, sparse points and lenses: the frame that all photos share, which a replaced photo leaves where it is;
-- * the checkpoint a version began from, and renders and enhanced pictures made of its parent: a version is made of the
--   photos it names itself;
-- * a version, into the depth maps rendered from it: a depth map is of its view, and as old as that.
create or replace function public.stale_artifacts(of_project_id uuid)
returns table (artifact_id uuid, kind text, stale_because jsonb)
language sql
stable
security invoker
set search_path = ''
as $$
    with recursive replaced as materialized (
        select i.* from public.source_images i where i.project_id = of_project_id and i.replaced_at is not null
    ), stale (artifact_id, kind, image_id) as (
        select a.id, a.kind, i.id
        from replaced i join public.artifacts a on a.id = i.processed_artifact_id
        -- The same picture sent again is the same object: what was made from it is right again.
        where not exists (
              select from public.source_images c
              where c.project_id = of_project_id and c.replaced_at is null and c.processed_artifact_id = a.id)
        union
        select made.id, made.kind, s.image_id
        from stale s
        join public.artifact_inputs l on l.input_artifact_id = s.artifact_id
        join public.artifacts made on made.id = l.artifact_id
        where s.kind not in ('checkpoint', 'rendered_view', 'enhanced_view', 'confidence_map')
          and made.kind not in ('cameras', 'sparse_points', 'lenses')
          and not (made.kind = 'depth_map' and s.kind like 'model%')
    )
    select s.artifact_id, s.kind, jsonb_agg(jsonb_build_object(
        'image_index', i.image_index, 'image_id', i.id, 'filename', i.filename, 'replaced_at', i.replaced_at)
        order by i.image_index, i.generation)
    from stale s join replaced i on i.id = s.image_id
    group by s.artifact_id, s.kind
$$;
comment on function public.stale_artifacts(uuid) is
    'Artifacts of a project that were made from a photo which has been replaced since; stale_because names the photos.';
revoke execute on function public.stale_artifacts(uuid) from public, anon;
grant execute on function public.stale_artifacts(uuid) to authenticated, service_role;

create or replace function public.stale_models(of_project_id uuid)
returns table (version integer, promoted boolean, stale_because jsonb)
language sql
stable
security invoker
set search_path = ''
as $$
    select m.version, m.promoted, s.stale_because
    from public.stale_artifacts(of_project_id) s
    join public.gaussian_splat_models m on m.model_artifact_id = s.artifact_id and m.project_id = of_project_id
    order by m.version
$$;
comment on function public.stale_models(uuid) is 'The versions of a project among its stale_artifacts.';
revoke execute on function public.stale_models(uuid) from public, anon;
grant execute on function public.stale_models(uuid) to authenticated, service_role;

-- History is not written again: who was where, and until when.
create or replace function public.guard_replaced() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
    raise exception 'a row of % keeps its place, and one that was replaced stays so', tg_table_name
        using errcode = 'check_violation';
end
$$;
revoke execute on function public.guard_replaced() from public, anon, authenticated;
create or replace trigger source_images_guard_replaced
before update of project_id, image_index, generation, sha256, replaced_at on public.source_images
for each row when (
    (old.project_id, old.image_index, old.generation, old.sha256)
    is distinct from (new.project_id, new.image_index, new.generation, new.sha256)
    or (old.replaced_at is not null and new.replaced_at is distinct from old.replaced_at)
) execute function public.guard_replaced();
create or replace trigger multiview_generation_guard_replaced
before update of project_id, run_id, view_index, generation, replaced_at on public.multiview_generation
for each row when (
    (old.project_id, old.run_id, old.view_index, old.generation)
    is distinct from (new.project_id, new.run_id, new.view_index, new.generation)
    or (old.replaced_at is not null and new.replaced_at is distinct from old.replaced_at)
) execute function public.guard_replaced();

create or replace function public.tell_replacement() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
    perform public.append_event(
        new.project_id, new.run_id, 'replace',
        pg_catalog.jsonb_build_object(
            'image_id', new.id, 'replaces_id', new.replaces_id, 'image_index', new.image_index,
            'generation', new.generation, 'filename', new.filename, 'verdict', new.verdict
        )
    );
    return null;
end
$$;
revoke execute on function public.tell_replacement() from public, anon, authenticated;
create or replace trigger source_images_tell_replacement after insert on public.source_images
for each row when (new.replaces_id is not null and not public.is_importing()) execute function public.tell_replacement();

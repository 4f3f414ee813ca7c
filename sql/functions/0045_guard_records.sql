-- Fixed at the first generate, for good: numbers of different versions compare only while this stays as it is.
create or replace function public.guard_eval_set() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
    raise exception 'the evaluation set of project % is fixed', old.project_id using errcode = 'check_violation';
end
$$;
revoke execute on function public.guard_eval_set() from public, anon, authenticated;
create or replace trigger eval_sets_guard
before update of id, project_id, width, height, image_names on public.eval_sets
for each row when (
    (old.id, old.project_id, old.width, old.height, old.image_names)
    is distinct from (new.id, new.project_id, new.width, new.height, new.image_names)
) execute function public.guard_eval_set();

-- Where a version stands in the tree, once written, stays.
create or replace function public.guard_version() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
begin
    if (new.project_id, new.version, new.parent_version) is distinct from
        (old.project_id, old.version, old.parent_version) then
        raise exception 'version % of project % stays where it is in the tree', old.version, old.project_id
            using errcode = 'check_violation';
    end if;
    return new;
end
$$;
revoke execute on function public.guard_version() from public, anon, authenticated;
create or replace trigger gaussian_splat_models_guard_version
before update of project_id, version, parent_version on public.gaussian_splat_models
for each row execute function public.guard_version();

-- Lineage stays within a project and has no cycle. What nothing was made from yet cannot close one, so the walk is
-- rare; the lock on the project keeps two transactions from closing one together.
create or replace function public.guard_lineage() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
declare
    of_project uuid;
begin
    if tg_op = 'UPDATE' then
        raise exception 'lineage is written once' using errcode = 'check_violation';
    end if;
    select a.project_id into of_project from public.artifacts a where a.id = new.artifact_id;
    if of_project <> (select a.project_id from public.artifacts a where a.id = new.input_artifact_id) then
        raise exception 'artifact % cannot be made from another project''s %', new.artifact_id, new.input_artifact_id
            using errcode = 'check_violation';
    end if;
    perform 1 from public.projects p where p.id = of_project for no key update;
    if exists (select 1 from public.artifact_inputs i where i.input_artifact_id = new.artifact_id) and exists (
        with recursive ancestors (id) as (
            select new.input_artifact_id
            union
            select i.input_artifact_id from ancestors a join public.artifact_inputs i on i.artifact_id = a.id
        )
        select 1 from ancestors a where a.id = new.artifact_id
    ) then
        raise exception 'artifact % cannot be made from %, which was made from it', new.artifact_id, new.input_artifact_id
            using errcode = 'check_violation';
    end if;
    return new;
end
$$;
revoke execute on function public.guard_lineage() from public, anon, authenticated;
create or replace trigger artifact_inputs_guard before insert or update on public.artifact_inputs
for each row execute function public.guard_lineage();

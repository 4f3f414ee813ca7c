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
for each row when ((
    (old.id, old.project_id, old.width, old.height, old.image_names)
    is distinct from (new.id, new.project_id, new.width, new.height, new.image_names)
)
-- One that holds nothing out has measured nothing: a project of one photo may get more.
and not (old.image_names = '[]' and (old.id, old.project_id) = (new.id, new.project_id)))
execute function public.guard_eval_set();

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

-- Lineage stays within a project, has no cycle and is written once. Asked once for all that a statement adds: what
-- nothing was made from yet cannot close a cycle, so the walk is rare; the lock on the project keeps two transactions
-- from closing one together.
create or replace function public.guard_lineage() returns trigger
language plpgsql
security invoker
set search_path = ''
as $$
declare
    wrong record;
begin
    if tg_op = 'UPDATE' then
        raise exception 'lineage is written once' using errcode = 'check_violation';
    end if;
    select n.* into wrong
    from added n
    join public.artifacts made on made.id = n.artifact_id
    join public.artifacts source on source.id = n.input_artifact_id
    where made.project_id <> source.project_id limit 1;
    if found then
        raise exception 'artifact % cannot be made from another project''s %', wrong.artifact_id, wrong.input_artifact_id
            using errcode = 'check_violation';
    end if;
    perform 1 from public.projects p
    where p.id in (select a.project_id from added n join public.artifacts a on a.id = n.artifact_id)
    order by p.id for no key update;
    with recursive ancestors (made, id) as (
        select n.artifact_id, n.input_artifact_id from added n
        where exists (select from public.artifact_inputs i where i.input_artifact_id = n.artifact_id)
        union
        select a.made, i.input_artifact_id from ancestors a join public.artifact_inputs i on i.artifact_id = a.id
    )
    select a.made into wrong from ancestors a where a.made = a.id limit 1;
    if found then
        raise exception 'artifact % cannot be made from what was made from it', wrong.made
            using errcode = 'check_violation';
    end if;
    return null;
end
$$;
revoke execute on function public.guard_lineage() from public, anon, authenticated;
drop trigger if exists artifact_inputs_guard on public.artifact_inputs;
create trigger artifact_inputs_guard after insert on public.artifact_inputs
referencing new table as added for each statement execute function public.guard_lineage();
create or replace trigger artifact_inputs_guard_update before update on public.artifact_inputs
for each row execute function public.guard_lineage();

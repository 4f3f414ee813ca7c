-- What an artifact was made of, down to the photos. Level by level, so that each ancestor is visited once: a recursive
-- query would carry every photo along once for each version between it and the artifact.
create or replace function public.artifact_lineage(of_artifact_id uuid)
returns table (artifact_id uuid, kind text, bucket text, path text, sha256 text, depth integer)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
    level uuid[] := array[of_artifact_id];
    seen uuid[] := level;
    steps integer := 0;
begin
    while level <> '{}' loop
        return query
            select a.id, a.kind, a.bucket, a.path, a.sha256, steps
            from public.artifacts a where a.id = any (level) order by a.path;
        level := array(
            select i.input_artifact_id from public.artifact_inputs i where i.artifact_id = any (level)
            except select unnest(seen));
        seen := seen || level;
        steps := steps + 1;
    end loop;
end
$$;
comment on function public.artifact_lineage(uuid) is
    'Everything an artifact was made of, each once, with the fewest steps (depth) to it: depth 0 is the artifact itself, kind original the photos as sent, sha256 their hashes.';
revoke execute on function public.artifact_lineage(uuid) from public, anon;
grant execute on function public.artifact_lineage(uuid) to authenticated, service_role;

create or replace function public.export_lineage(of_export_id uuid)
returns table (artifact_id uuid, kind text, bucket text, path text, sha256 text, depth integer)
language sql
stable
security invoker
set search_path = ''
as $$
    select l.* from public.export_history e, lateral public.artifact_lineage(e.artifact_id) l
    where e.id = of_export_id
    order by l.depth, l.path
$$;
comment on function public.export_lineage(uuid) is
    'artifact_lineage of the file of a row in export_history: what was this export made of?';
revoke execute on function public.export_lineage(uuid) from public, anon;
grant execute on function public.export_lineage(uuid) to authenticated, service_role;

create or replace function public.model_lineage(of_project_id uuid, of_version integer)
returns table (artifact_id uuid, kind text, bucket text, path text, sha256 text, depth integer)
language sql
stable
security invoker
set search_path = ''
as $$
    select l.* from public.gaussian_splat_models m, lateral public.artifact_lineage(m.model_artifact_id) l
    where m.project_id = of_project_id and m.version = of_version
    order by l.depth, l.path
$$;
comment on function public.model_lineage(uuid, integer) is 'artifact_lineage of a model version.';
revoke execute on function public.model_lineage(uuid, integer) from public, anon;
grant execute on function public.model_lineage(uuid, integer) to authenticated, service_role;

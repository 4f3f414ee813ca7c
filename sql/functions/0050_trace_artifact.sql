-- What an artifact was made of, down to the photos: every ancestor once, with its distance.
create or replace function public.artifact_lineage(of_artifact_id uuid)
returns table (artifact_id uuid, kind text, bucket text, path text, sha256 text, depth integer)
language sql
stable
security invoker
set search_path = ''
as $$
    with recursive lineage (id, depth) as (
        select of_artifact_id, 0
        union
        select i.input_artifact_id, l.depth + 1
        from lineage l join public.artifact_inputs i on i.artifact_id = l.id
    )
    select a.id, a.kind, a.bucket, a.path, a.sha256, min(l.depth)
    from lineage l join public.artifacts a on a.id = l.id
    group by a.id, a.kind, a.bucket, a.path, a.sha256
    order by min(l.depth), a.path
$$;
revoke execute on function public.artifact_lineage(uuid) from public, anon;
grant execute on function public.artifact_lineage(uuid) to authenticated, service_role;

-- Objects and bytes of each project and bucket: as storage has them, and as the rows in artifacts say.
-- Who: service_role and postgres see all projects, a signed-in user their own.
--
--   project_id | name     | bucket          | objects | object_bytes | artifacts | artifact_bytes
--   1b2c…      | Fountain | 3d-models       | 12      | 310200311    | 12        | 310200311
--   1b2c…      | Fountain | project-uploads | 25      | 98111020     | 24        | 96022111
with stored as (
    select split_part(name, '/', 1) as project, bucket_id as bucket, count(*) as objects,
           coalesce(sum((metadata ->> 'size')::bigint), 0) as bytes
    from storage.objects
    group by 1, 2
), recorded as (
    select project_id::text as project, bucket, count(*) as artifacts, sum(bytes) as bytes
    from public.artifacts
    where removed_at is null
    group by 1, 2
)
select
    project as project_id, p.name, bucket,
    coalesce(s.objects, 0) as objects, coalesce(s.bytes, 0) as object_bytes,
    coalesce(r.artifacts, 0) as artifacts, coalesce(r.bytes, 0) as artifact_bytes
from stored s
full join recorded r using (project, bucket)
left join public.projects p on p.id::text = project
order by project, bucket;

-- Where storage and the rows in artifacts differ. missing: a row without its object, which cannot be downloaded;
-- size: both, of different sizes; unknown: an object that no row knows, left by a killed attempt. `maquette gc` finds
-- both, and with --delete-orphans mends them; rows that say themselves that their object was removed are no difference.
-- A run that is at work shows up here for moments: objects come before rows.
-- Who: service_role and postgres see all projects, a signed-in user their own.
--
--   difference | bucket    | path                    | object_bytes | artifact_bytes
--   missing    | 3d-models | 1b2c…/models/v0/m.ply   |              | 24000000
--   unknown    | 3d-models | 1b2c…/models/v9/m.ply   | 1200         |
select
    case when o.id is null then 'missing' when a.id is null then 'unknown' else 'size' end as difference,
    coalesce(a.bucket, o.bucket_id) as bucket,
    coalesce(a.path, o.name) as path,
    (o.metadata ->> 'size')::bigint as object_bytes,
    a.bytes as artifact_bytes
from (select * from public.artifacts where removed_at is null) a
full join (
    select id, bucket_id, name, metadata from storage.objects
    where bucket_id in (
        'project-uploads', 'processed-images', 'multiview-images', 'depth-maps', 'enhanced-views', '3d-models')
) o on o.bucket_id = a.bucket and o.name = a.path
where o.id is null or a.id is null or a.bytes is distinct from (o.metadata ->> 'size')::bigint
order by 1, 2, 3;

-- Views that SQL users know. security_invoker: the reader's own row security decides. Aggregates stand in lateral
-- subqueries, so that no join multiplies rows.
create or replace view public.refinement_progress with (security_invoker = true) as
select
    i.project_id, i.run_id, i.iteration, i.version, i.parent_version, i.method,
    m.psnr, m.ssim, i.quality_before, i.quality_after, i.relative_gain, i.converged, m.promoted, i.seconds,
    r.status as run_status, i.created_at
from public.enhancement_iterations i
join public.gaussian_splat_models m on m.project_id = i.project_id and m.version = i.version
join public.runs r on r.id = i.run_id;

create or replace view public.project_summary with (security_invoker = true) as
select
    p.id as project_id, p.name, p.status, p.current_step, p.progress_percentage, p.created_at, p.updated_at,
    images.total as images, images.usable as usable_images,
    models.total as model_versions, promoted.version as promoted_version, promoted.psnr, promoted.ssim,
    exports.total as exports, bytes.total as bytes
from public.projects p
cross join lateral (
    select count(*) as total, count(*) filter (where s.verdict <> 'rejected') as usable
    from public.source_images s where s.project_id = p.id) images
cross join lateral (
    select count(*) as total from public.gaussian_splat_models m where m.project_id = p.id) models
left join public.gaussian_splat_models promoted on promoted.project_id = p.id and promoted.promoted
cross join lateral (
    select count(*) as total from public.export_history e where e.project_id = p.id) exports
cross join lateral (
    select coalesce(sum(a.bytes), 0)::bigint as total from public.artifacts a where a.project_id = p.id) bytes;

comment on view public.refinement_progress is 'One row for each round of refinement with what it did to quality.';
comment on view public.project_summary is 'One row for each project with what it holds.';
revoke all on public.refinement_progress, public.project_summary from anon, authenticated;
grant select on public.refinement_progress, public.project_summary to authenticated, service_role;

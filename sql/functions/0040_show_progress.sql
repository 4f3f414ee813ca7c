-- Views that SQL users know. security_invoker: the reader's own row security decides. Each kind is counted by itself, so
-- that no join multiplies rows, and for all of a reader's projects at once: asked project by project, row security
-- lists the reader's projects again each time.
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
    coalesce(images.total, 0) as images, coalesce(images.usable, 0) as usable_images,
    coalesce(models.total, 0) as model_versions, models.promoted_version, models.psnr, models.ssim,
    coalesce(exports.total, 0) as exports, coalesce(bytes.total, 0) as bytes
from public.projects p
left join (
    select s.project_id, count(*) as total, count(*) filter (where s.verdict <> 'rejected') as usable
    from public.source_images s where s.replaced_at is null group by s.project_id) images on images.project_id = p.id
left join (
    select m.project_id, count(*) as total, max(m.version) filter (where m.promoted) as promoted_version,
           max(m.psnr) filter (where m.promoted) as psnr, max(m.ssim) filter (where m.promoted) as ssim
    from public.gaussian_splat_models m group by m.project_id) models on models.project_id = p.id
left join (
    select e.project_id, count(*) as total from public.export_history e group by e.project_id) exports
    on exports.project_id = p.id
left join (
    select a.project_id, sum(a.bytes)::bigint as total from public.artifacts a where a.removed_at is null
    group by a.project_id) bytes
    on bytes.project_id = p.id;

comment on view public.refinement_progress is 'One row for each round of refinement with what it did to quality.';
comment on view public.project_summary is 'One row for each project with what it holds.';
revoke all on public.refinement_progress, public.project_summary from anon, authenticated;
grant select on public.refinement_progress, public.project_summary to authenticated, service_role;

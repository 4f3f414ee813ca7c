-- What the numbers of a version mean, here and nowhere else: the API, the views and the monitoring queries all ask this.
-- Functions and no column: who changes what is expected changes it for the versions that are there too.
create or replace function public.expected_quality()
returns table (quality_class text, psnr double precision, ssim double precision)
language sql
immutable
security invoker
set search_path = ''
as $$
    values ('normal', 25.0::double precision, 0.85::double precision), ('warning', 20.0, 0.75)
$$;
comment on function public.expected_quality() is
    'What a mean over the held-out views reaches, in both numbers, to be of a class: PSNR in dB, SSIM. Below all: failure.';
revoke execute on function public.expected_quality() from public, anon;
grant execute on function public.expected_quality() to authenticated, service_role;

create or replace function public.quality_class(of_psnr double precision, of_ssim double precision) returns text
language sql
immutable
security invoker
set search_path = ''
as $$
    select case
        when of_psnr is null or of_ssim is null then null
        -- To Postgres NaN is above every number.
        when of_psnr = 'NaN' or of_ssim = 'NaN' then 'failure'
        else coalesce((
            select e.quality_class from public.expected_quality() e
            where of_psnr >= e.psnr and of_ssim >= e.ssim order by e.psnr desc limit 1), 'failure')
    end
$$;
comment on function public.quality_class(double precision, double precision) is
    'normal, warning or failure by expected_quality(), a bound itself included; null where nothing was measured.';
revoke execute on function public.quality_class(double precision, double precision) from public, anon;
grant execute on function public.quality_class(double precision, double precision) to authenticated, service_role;

-- The formula of maquette.recon.quality, of the terms that are there; the same numbers, which a test sees to.
create or replace function public.overall_quality(
    of_psnr double precision, of_ssim double precision, of_lpips double precision, of_depth double precision
) returns double precision
language sql
immutable
security invoker
set search_path = ''
as $$
    select sum(t.weight * greatest(0.0, least(1.0, t.score))) / sum(t.weight)
    from (values (2, of_psnr / 40), (2, of_ssim), (1, 1 - of_lpips), (1, of_depth)) t (weight, score)
    where t.score is not null and of_psnr is not null and of_ssim is not null
$$;
comment on function public.overall_quality(double precision, double precision, double precision, double precision) is
    '0 to 1 from PSNR (dB), SSIM, LPIPS and depth consistency; null terms are left out, and without PSNR or SSIM it is null.';
revoke execute on function public.overall_quality(double precision, double precision, double precision, double precision)
    from public, anon;
grant execute on function public.overall_quality(double precision, double precision, double precision, double precision)
    to authenticated, service_role;

-- security_invoker: the reader's own row security decides. A project has one evaluation set, fixed for good; what was
-- measured on none of it is left out. Versions compare by the terms that all of the project's have, so that a
-- term that came or went between two versions decides nothing.
create or replace view public.best_models with (security_invoker = true) as
select distinct on (m.project_id)
    m.project_id, m.version, m.parent_version, m.psnr, m.ssim, m.overall_quality,
    public.quality_class(m.psnr, m.ssim) as quality_class, m.num_gaussians, m.promoted, m.eval_set_id, m.created_at,
    m.degraded, m.compared_quality
from (
    select
        t.*,
        public.overall_quality(
            t.psnr, t.ssim,
            case when bool_and(t.lpips is not null) over (partition by t.project_id) then t.lpips end,
            case when bool_and(t.depth_consistency is not null) over (partition by t.project_id)
                then t.depth_consistency end
        ) as compared_quality
    from public.gaussian_splat_models t
    where t.eval_set_id is not null and t.psnr <> 'NaN' and t.ssim <> 'NaN'
) m
order by m.project_id, m.degraded, m.compared_quality desc, m.version;
comment on view public.best_models is
    'The best version of each project: sound before degraded, then by compared_quality over its held-out views, the earlier one of two alike.';
comment on column public.best_models.compared_quality is
    'overall_quality by the terms that all measured versions of the project have.';
revoke all on public.best_models from anon, authenticated;
grant select on public.best_models to authenticated, service_role;

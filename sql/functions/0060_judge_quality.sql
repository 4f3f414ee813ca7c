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

-- security_invoker: the reader's own row security decides. A project has one evaluation set, fixed for good, so the
-- numbers of its versions compare; what was measured on none of it is left out.
create or replace view public.best_models with (security_invoker = true) as
select distinct on (m.project_id)
    m.project_id, m.version, m.parent_version, m.psnr, m.ssim, m.overall_quality,
    public.quality_class(m.psnr, m.ssim) as quality_class, m.num_gaussians, m.promoted, m.eval_set_id, m.created_at
from public.gaussian_splat_models m
where m.eval_set_id is not null and m.overall_quality <> 'NaN'
order by m.project_id, m.overall_quality desc, m.version;
comment on view public.best_models is
    'The best version of each project: the highest overall_quality over its held-out views, the earlier one of two alike.';
revoke all on public.best_models from anon, authenticated;
grant select on public.best_models to authenticated, service_role;

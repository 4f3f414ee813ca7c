-- What a version is like beside PSNR and SSIM, and how each number was taken: so that numbers compare, or say why not.

alter table public.gaussian_splat_models
    add column lpips double precision check (lpips >= 0),
    add column depth_consistency double precision check (depth_consistency between 0 and 1),
    add column bounds jsonb,
    add column bytes bigint check (bytes >= 0),
    add column seconds double precision check (seconds >= 0),
    add column degraded boolean not null default false;
comment on column public.gaussian_splat_models.lpips is
    'Mean over the held-out views, 0 alike; null: its weights were not there.';
comment on column public.gaussian_splat_models.depth_consistency is
    'Mean over the held-out views of the share of pixels whose rendered depth other views confirm, 0 to 1; null: not measured.';
comment on column public.gaussian_splat_models.bounds is
    'Of the Gaussians'' centres, world units: min and max, and p1 and p99 without the outermost 1 % at either end, [x, y, z] each.';
comment on column public.gaussian_splat_models.bytes is 'Of the model as PLY.';
comment on column public.gaussian_splat_models.seconds is 'Wall seconds of its training.';
comment on column public.gaussian_splat_models.degraded is
    'The sanity gate found fault, details.sanity says what; such a version takes no sound one''s place.';
comment on column public.gaussian_splat_models.overall_quality is
    '0 to 1, of the terms that were measured: public.overall_quality. Numbers of other terms do not compare; best_models does.';

update public.gaussian_splat_models m
set bytes = a.bytes, seconds = (m.details ->> 'training_seconds')::double precision
from public.artifacts a where a.id = m.model_artifact_id;

alter table public.refinement_metrics
    add column lpips double precision check (lpips >= 0),
    add column depth_consistency double precision check (depth_consistency between 0 and 1),
    add column view_run_id uuid references public.runs (id) on delete cascade,
    add column width integer check (width > 0),
    add column height integer check (height > 0),
    add column mask text check (mask in ('none', 'masked', 'some')),
    add column colour text,
    add column lpips_weights text;
comment on column public.refinement_metrics.view_run_id is
    'The generate whose cameras it was measured from; view_index counts its views.';
comment on column public.refinement_metrics.width is
    'Pixels that photo and render were compared at; of a mean those of its largest view. Null: measured before this was recorded.';
comment on column public.refinement_metrics.mask is
    'none: every pixel counted; masked: by the weights of the view''s mask; some: a mean over views of both kinds.';
comment on column public.refinement_metrics.colour is 'How colours were compared.';
comment on column public.refinement_metrics.lpips_weights is
    'Model and revision that measured lpips: numbers of other weights do not compare.';
create index refinement_metrics_view_run_idx on public.refinement_metrics (view_run_id);

update public.refinement_metrics r
set view_run_id = m.view_run_id
from public.gaussian_splat_models m where m.project_id = r.project_id and m.version = r.version;

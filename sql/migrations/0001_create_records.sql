-- The records of DESIGN 3. Append-only: later changes come as new migrations.
-- Functions, triggers' bodies and policies are re-declared on each migrate from sql/functions and sql/policies.

create table public.projects (
    id uuid primary key default gen_random_uuid(),
    owner_id uuid not null references auth.users (id),
    name text not null default 'Untitled' check (char_length(name) between 1 and 200),
    status text not null default 'created'
        check (status in ('created', 'uploaded', 'processing', 'completed', 'failed')),
    current_step text check (current_step in ('upload', 'generate', 'refine', 'export')),
    progress_percentage real not null default 0 check (progress_percentage between 0 and 100),
    event_seq bigint not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table public.projects is 'One capture and everything made from it.';
comment on column public.projects.status is
    'created: no photos yet; uploaded: photos, no step since; processing: a run is queued or running; completed / failed: how the last run ended.';
comment on column public.projects.event_seq is 'The seq of the newest row in events; gap-free because it is counted here under the row lock.';
create index projects_owner_created_idx on public.projects (owner_id, created_at desc, id desc);

create table public.runs (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    step text not null check (step in ('upload', 'generate', 'refine', 'export')),
    status text not null default 'queued'
        check (status in ('queued', 'running', 'completed', 'failed', 'cancelled')),
    parameters jsonb not null default '{}',
    seed bigint not null default 0,
    code_version text not null default '',
    model_versions jsonb not null default '{}',
    input_hash text not null default '',
    idempotency_key text,
    attempt integer not null default 0,
    job_id bigint,
    stage text,
    progress_percentage real not null default 0 check (progress_percentage between 0 and 100),
    message text not null default '',
    queued_at timestamptz not null default now(),
    started_at timestamptz,
    heartbeat_at timestamptz,
    finished_at timestamptz,
    cancel_requested_at timestamptz,
    degraded boolean not null default false,
    warnings jsonb not null default '[]',
    error jsonb,
    result jsonb not null default '{}',
    timings jsonb not null default '{}'
);
comment on table public.runs is 'One row for each call of a step.';
comment on column public.runs.status is
    'queued -> running | cancelled | failed; running -> completed | failed | cancelled | queued (another attempt); the last three are final.';
comment on column public.runs.attempt is 'Counts starts. Every write of a worker names the attempt it belongs to, so one thought dead cannot overwrite its successor.';
comment on column public.runs.input_hash is 'SHA-256 over the inputs, parameters, seed and model versions: identical work has the same value.';
comment on column public.runs.degraded is 'A named fallback was used; warnings says which and why.';
comment on column public.runs.timings is 'Wall seconds by stage, and peak_memory_mb of the step''s process.';
create index runs_project_queued_idx on public.runs (project_id, queued_at desc, id desc);
create unique index runs_one_running_idx on public.runs (project_id) where status = 'running';
create unique index runs_idempotency_idx on public.runs (project_id, step, idempotency_key) where idempotency_key is not null;
create index runs_waiting_idx on public.runs (queued_at) where status in ('queued', 'running');
create index runs_reuse_idx on public.runs (project_id, input_hash) where status = 'completed';

create table public.artifacts (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    run_id uuid references public.runs (id) on delete cascade,
    kind text not null,
    bucket text not null,
    path text not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    bytes bigint not null check (bytes >= 0),
    mime text not null,
    created_at timestamptz not null default now(),
    unique (bucket, path)
);
comment on table public.artifacts is 'One row for each object in a bucket; never a URL.';
create index artifacts_project_idx on public.artifacts (project_id, kind);
create index artifacts_run_idx on public.artifacts (run_id);

create table public.artifact_inputs (
    artifact_id uuid not null references public.artifacts (id) on delete cascade,
    input_artifact_id uuid not null references public.artifacts (id) on delete cascade,
    primary key (artifact_id, input_artifact_id),
    check (artifact_id <> input_artifact_id)
);
comment on table public.artifact_inputs is 'Lineage: which artifacts an artifact was made from.';
create index artifact_inputs_input_idx on public.artifact_inputs (input_artifact_id);

create table public.source_images (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    run_id uuid references public.runs (id) on delete set null,
    image_index integer not null check (image_index >= 0),
    filename text not null,
    verdict text not null check (verdict in ('ok', 'warning', 'rejected')),
    reasons jsonb not null default '[]',
    sha256 text not null,
    width integer,
    height integer,
    original_width integer,
    original_height integer,
    sharpness real,
    exposure real,
    focal_px real,
    original_artifact_id uuid references public.artifacts (id) on delete set null,
    processed_artifact_id uuid references public.artifacts (id) on delete set null,
    placed boolean,
    placed_reason text,
    created_at timestamptz not null default now(),
    unique (project_id, image_index)
);
comment on table public.source_images is 'The photos as uploaded, with a verdict each.';
comment on column public.source_images.reasons is 'List of {code, message, suggestion}.';
comment on column public.source_images.sharpness is 'Variance of the Laplacian at a normalised size.';
comment on column public.source_images.exposure is 'Mean luma, 0 to 1.';
comment on column public.source_images.focal_px is 'Focal length read from EXIF, in pixels of the processed image; null when EXIF has none.';
comment on column public.source_images.placed is 'Whether the newest generate could place this photo; null before.';
create index source_images_run_idx on public.source_images (run_id);
create index source_images_original_idx on public.source_images (original_artifact_id);
create index source_images_processed_idx on public.source_images (processed_artifact_id);

create table public.eval_sets (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    run_id uuid references public.runs (id) on delete set null,
    width integer not null,
    height integer not null,
    image_names jsonb not null,
    created_at timestamptz not null default now(),
    unique (project_id)
);
comment on table public.eval_sets is
    'The photos that measure quality, fixed at a project''s first generate and never trained on; cameras stand in multiview_generation.';
comment on column public.eval_sets.width is 'Longest width in pixels that metrics are computed at.';
comment on column public.eval_sets.image_names is 'Names of the held-out processed images.';
create index eval_sets_run_idx on public.eval_sets (run_id);

create table public.multiview_generation (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    run_id uuid not null references public.runs (id) on delete cascade,
    source_image_id uuid references public.source_images (id) on delete set null,
    view_index integer not null check (view_index >= 0),
    name text not null,
    method text not null default 'photo',
    split text not null check (split in ('training', 'held_out')),
    camera jsonb not null,
    image_artifact_id uuid references public.artifacts (id) on delete set null,
    created_at timestamptz not null default now(),
    unique (run_id, view_index)
);
comment on table public.multiview_generation is 'Views with cameras: undistorted photos, or generated views where method is not photo.';
comment on column public.multiview_generation.camera is
    'Pinhole: width, height, fx, fy, cx, cy in pixels (pixel centres at +0.5), camera_from_world 4x4, OpenCV axes.';
create index multiview_generation_project_idx on public.multiview_generation (project_id);
create index multiview_generation_source_idx on public.multiview_generation (source_image_id);
create index multiview_generation_image_idx on public.multiview_generation (image_artifact_id);

create table public.gaussian_splat_models (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    run_id uuid not null references public.runs (id) on delete cascade,
    view_run_id uuid not null references public.runs (id) on delete cascade,
    version integer not null check (version >= 0),
    parent_version integer,
    method text not null check (method in ('generate', 'refine')),
    promoted boolean not null default false,
    num_gaussians integer not null check (num_gaussians >= 0),
    num_gaussians_unfiltered integer not null check (num_gaussians_unfiltered >= 0),
    sh_degree integer not null check (sh_degree between 0 and 3),
    iterations integer not null check (iterations >= 0),
    eval_set_id uuid references public.eval_sets (id) on delete set null,
    psnr double precision,
    ssim double precision,
    overall_quality double precision,
    model_artifact_id uuid not null references public.artifacts (id) on delete cascade,
    unfiltered_artifact_id uuid references public.artifacts (id) on delete set null,
    filtered_artifact_id uuid references public.artifacts (id) on delete set null,
    checkpoint_artifact_id uuid references public.artifacts (id) on delete set null,
    preview_artifact_id uuid references public.artifacts (id) on delete set null,
    details jsonb not null default '{}',
    created_at timestamptz not null default now(),
    unique (project_id, version),
    foreign key (project_id, parent_version) references public.gaussian_splat_models (project_id, version),
    check (parent_version < version)
);
comment on table public.gaussian_splat_models is 'A tree of model versions; each keeps its optimiser state, so any can be refined again.';
comment on column public.gaussian_splat_models.view_run_id is 'The generate run whose views and cameras this model lives in.';
comment on column public.gaussian_splat_models.model_artifact_id is
    'The version itself: what psnr and ssim measure. The same object as unfiltered or filtered, as details.floaters.accepted says.';
comment on column public.gaussian_splat_models.filtered_artifact_id is
    'Without floaters (k-nearest-neighbour and DBSCAN), also where the filter took too much to become the version.';
comment on column public.gaussian_splat_models.psnr is 'Mean over the held-out views, dB.';
comment on column public.gaussian_splat_models.overall_quality is '0 to 1; formula in maquette.recon.quality.';
create unique index gaussian_splat_models_promoted_idx on public.gaussian_splat_models (project_id) where promoted;
create index gaussian_splat_models_parent_idx on public.gaussian_splat_models (project_id, parent_version);
create index gaussian_splat_models_run_idx on public.gaussian_splat_models (run_id);
create index gaussian_splat_models_view_run_idx on public.gaussian_splat_models (view_run_id);
create index gaussian_splat_models_eval_idx on public.gaussian_splat_models (eval_set_id);
create index gaussian_splat_models_model_idx on public.gaussian_splat_models (model_artifact_id);
create index gaussian_splat_models_unfiltered_idx on public.gaussian_splat_models (unfiltered_artifact_id);
create index gaussian_splat_models_filtered_idx on public.gaussian_splat_models (filtered_artifact_id);
create index gaussian_splat_models_checkpoint_idx on public.gaussian_splat_models (checkpoint_artifact_id);
create index gaussian_splat_models_preview_idx on public.gaussian_splat_models (preview_artifact_id);

create table public.depth_maps (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    run_id uuid not null references public.runs (id) on delete cascade,
    view_id uuid not null references public.multiview_generation (id) on delete cascade,
    method text not null,
    depth_min double precision,
    depth_max double precision,
    depth_mean double precision,
    coverage double precision not null check (coverage between 0 and 1),
    depth_artifact_id uuid not null references public.artifacts (id) on delete cascade,
    heatmap_artifact_id uuid references public.artifacts (id) on delete set null,
    details jsonb not null default '{}',
    created_at timestamptz not null default now(),
    unique (run_id, view_id)
);
comment on table public.depth_maps is 'One depth map a view; method rendered_median: from the model itself, where no depth network is configured.';
comment on column public.depth_maps.depth_min is 'World units along the camera''s z axis; null when nothing was seen.';
comment on column public.depth_maps.coverage is 'Share of pixels with a depth.';
create index depth_maps_project_idx on public.depth_maps (project_id);
create index depth_maps_view_idx on public.depth_maps (view_id);
create index depth_maps_depth_idx on public.depth_maps (depth_artifact_id);
create index depth_maps_heatmap_idx on public.depth_maps (heatmap_artifact_id);

create table public.enhancement_iterations (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    run_id uuid not null references public.runs (id) on delete cascade,
    iteration integer not null check (iteration >= 1),
    parent_version integer not null,
    version integer not null,
    method text not null,
    quality_before double precision not null,
    quality_after double precision not null,
    relative_gain double precision not null,
    converged boolean not null,
    promoted boolean not null,
    seconds double precision not null,
    details jsonb not null default '{}',
    created_at timestamptz not null default now(),
    unique (run_id, iteration),
    foreign key (project_id, version) references public.gaussian_splat_models (project_id, version) on delete cascade,
    foreign key (project_id, parent_version) references public.gaussian_splat_models (project_id, version) on delete cascade
);
comment on table public.enhancement_iterations is 'One row for each round of a refine run and the version it made.';
comment on column public.enhancement_iterations.relative_gain is '(quality_after - quality_before) / quality_before.';
comment on column public.enhancement_iterations.method is 'none: optimised against the source photos only.';
create index enhancement_iterations_version_idx on public.enhancement_iterations (project_id, version);
create index enhancement_iterations_parent_idx on public.enhancement_iterations (project_id, parent_version);

create table public.enhanced_views (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    iteration_id uuid not null references public.enhancement_iterations (id) on delete cascade,
    view_id uuid not null references public.multiview_generation (id) on delete cascade,
    method text not null,
    model text,
    model_revision text,
    prompt text,
    strength double precision,
    seed bigint,
    rendered_artifact_id uuid references public.artifacts (id) on delete set null,
    enhanced_artifact_id uuid references public.artifacts (id) on delete set null,
    created_at timestamptz not null default now(),
    unique (iteration_id, view_id)
);
comment on table public.enhanced_views is 'What a refine round rendered of a view and what an enhancement made of it.';
create index enhanced_views_project_idx on public.enhanced_views (project_id);
create index enhanced_views_view_idx on public.enhanced_views (view_id);
create index enhanced_views_rendered_idx on public.enhanced_views (rendered_artifact_id);
create index enhanced_views_enhanced_idx on public.enhanced_views (enhanced_artifact_id);

create table public.refinement_metrics (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    run_id uuid not null references public.runs (id) on delete cascade,
    version integer not null,
    eval_set_id uuid references public.eval_sets (id) on delete set null,
    split text not null check (split in ('held_out', 'training')),
    view_index integer,
    psnr double precision not null,
    ssim double precision not null,
    overall_quality double precision,
    details jsonb not null default '{}',
    created_at timestamptz not null default now(),
    unique nulls not distinct (project_id, version, split, view_index),
    foreign key (project_id, version) references public.gaussian_splat_models (project_id, version) on delete cascade
);
comment on table public.refinement_metrics is 'Quality of a version on one split; view_index null is the mean over the split''s views.';
create index refinement_metrics_run_idx on public.refinement_metrics (run_id);
create index refinement_metrics_eval_idx on public.refinement_metrics (eval_set_id);

create table public.export_history (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    run_id uuid not null references public.runs (id) on delete cascade,
    version integer not null,
    format text not null,
    options jsonb not null default '{}',
    artifact_id uuid not null references public.artifacts (id) on delete cascade,
    bytes bigint not null,
    sha256 text not null,
    seconds double precision not null,
    measured_loss jsonb,
    created_at timestamptz not null default now(),
    foreign key (project_id, version) references public.gaussian_splat_models (project_id, version) on delete cascade
);
comment on table public.export_history is 'Every file made for a user to take away.';
create index export_history_project_idx on public.export_history (project_id, version, format);
create index export_history_run_idx on public.export_history (run_id);
create index export_history_artifact_idx on public.export_history (artifact_id);

create table public.events (
    project_id uuid not null references public.projects (id) on delete cascade,
    seq bigint not null,
    run_id uuid references public.runs (id) on delete cascade,
    type text not null,
    payload jsonb not null default '{}',
    created_at timestamptz not null default now(),
    primary key (project_id, seq)
);
comment on table public.events is 'Append-only; seq is gap-free per project and written in the transaction of the change it tells of.';
create index events_run_idx on public.events (run_id);

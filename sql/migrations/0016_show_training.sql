-- While a model is trained people see how it gets on; afterwards they see by which losses it came to what it is.

create table public.training_previews (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    run_id uuid not null unique references public.runs (id) on delete cascade,
    attempt integer not null check (attempt >= 1),
    view_id uuid not null references public.multiview_generation (id) on delete cascade,
    iteration integer not null check (iteration >= 1),
    iterations integer not null check (iterations >= iteration),
    psnr double precision not null,
    width integer not null check (width > 0),
    height integer not null check (height > 0),
    artifact_id uuid not null references public.artifacts (id) on delete cascade,
    created_at timestamptz not null default now()
);
comment on table public.training_previews is
    'How the training of a run looks just now: the newest render of one view, one row a run. It goes when the run is completed; the previews of its versions take over.';
comment on column public.training_previews.iteration is 'Counted from the version''s very first one; the training goes on to iterations.';
comment on column public.training_previews.psnr is 'Of this render against the view''s photo at width x height px, dB.';
create index training_previews_project_idx on public.training_previews (project_id);
create index training_previews_view_idx on public.training_previews (view_id);
create index training_previews_artifact_idx on public.training_previews (artifact_id);

create table public.training_losses (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    run_id uuid not null references public.runs (id) on delete cascade,
    version integer not null,
    definition text not null,
    every integer not null check (every >= 1),
    iterations integer[] not null,
    losses double precision[] not null,
    created_at timestamptz not null default now(),
    unique (project_id, version),
    foreign key (project_id, version) references public.gaussian_splat_models (project_id, version) on delete cascade,
    check (array_ndims(iterations) = 1 and array_ndims(losses) = 1
        and cardinality(iterations) = cardinality(losses) and cardinality(losses) between 1 and 500),
    check (array_position(iterations, null) is null and array_position(losses, null) is null
        and not losses && array['NaN', 'Infinity', '-Infinity']::double precision[])
);
comment on table public.training_losses is 'The training loss on the way to a version, as medians over intervals.';
comment on column public.training_losses.definition is 'What the loss is, in words.';
comment on column public.training_losses.every is 'Iterations in an interval: about once through the training photos, or more.';
comment on column public.training_losses.iterations is 'The last iteration of each interval, counted from the version''s very first one; ascending.';
comment on column public.training_losses.losses is 'The median loss of each interval.';
create index training_losses_run_idx on public.training_losses (run_id);

comment on column public.events.type is
    'progress, complete, error: a run; preview: a run at work has a new picture; model, promote, iteration, export: what a run made; replace: a photo that took another''s place; rename: the project; imported: the project came in as a bundle, with all that is older than this.';

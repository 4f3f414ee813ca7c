-- A photo may be replaced. Nothing is written over: the new photo is a row of its own beside the old one, and so is the
-- view that a refine makes of it. Of each place the newest generation counts; replaced_at says that one no longer does.

alter table public.source_images
    add column generation integer not null default 0 check (generation >= 0),
    add column replaces_id uuid references public.source_images (id) on delete set null,
    add column replaced_at timestamptz;
alter table public.source_images drop constraint source_images_project_id_image_index_key;
alter table public.source_images add constraint source_images_generation_key
    unique (project_id, image_index, generation);
create unique index source_images_current_idx on public.source_images (project_id, image_index) where replaced_at is null;
create unique index source_images_replaces_idx on public.source_images (replaces_id);
create index source_images_replaced_idx on public.source_images (project_id) where replaced_at is not null;
comment on table public.source_images is 'The photos as uploaded, with a verdict each, and those that they replaced.';
comment on column public.source_images.generation is '0: as first uploaded; each replacement counts one more at the same image_index.';
comment on column public.source_images.replaces_id is 'The photo that this one was sent in place of.';
comment on column public.source_images.replaced_at is 'When another photo took this one''s place; null: this is the one that counts.';

alter table public.multiview_generation
    add column generation integer not null default 0 check (generation >= 0),
    add column replaces_id uuid references public.multiview_generation (id) on delete set null,
    add column replaced_at timestamptz,
    add column made_by_run_id uuid references public.runs (id) on delete cascade,
    add column details jsonb not null default '{}';
alter table public.multiview_generation drop constraint multiview_generation_run_id_view_index_key;
alter table public.multiview_generation add constraint multiview_generation_generation_key
    unique (run_id, view_index, generation);
create unique index multiview_generation_current_idx on public.multiview_generation (run_id, view_index)
    where replaced_at is null;
create unique index multiview_generation_replaces_idx on public.multiview_generation (replaces_id);
create index multiview_generation_made_by_idx on public.multiview_generation (made_by_run_id);
comment on column public.multiview_generation.run_id is 'The generate whose set of views this is one of.';
comment on column public.multiview_generation.generation is '0: made by the generate; each time the view is made again counts one more.';
comment on column public.multiview_generation.replaced_at is 'When a newer one took this view''s place; null: this is the one that counts.';
comment on column public.multiview_generation.made_by_run_id is
    'The refine that made this view again, from a photo that replaced the first one; null: the generate itself.';

comment on column public.multiview_generation.details is
    'Of a view made again: how its photo was placed (same_place keeps the camera, registered has its own) and by how many spots.';

comment on column public.events.type is
    'progress, complete, error: a run; model, promote, iteration, export: what a run made; replace: a photo that took another''s place; rename: the project.';

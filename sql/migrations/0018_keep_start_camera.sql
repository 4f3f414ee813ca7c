-- Where looking at a model begins is chosen once by its owner, for everybody who looks.

alter table public.projects add column start_camera jsonb
    check (jsonb_typeof(start_camera) = 'object' and start_camera ? 'version');
comment on column public.projects.start_camera is
    'position, target, up (x, y, z, world units, captured world), fov_deg (vertical) and the version they were chosen at: they hold for all versions that live in the same generate''s world. Null: nobody chose.';

comment on column public.events.type is
    'progress, complete, error: a run; preview: a run at work has a new picture; model, promote, iteration, export: what a run made; replace: a photo that took another''s place; rename, start_camera: the project; imported: the project came in as a bundle, with all that is older than this.';

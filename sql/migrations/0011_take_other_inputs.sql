-- Videos, six views with depth, masks and known cameras come in by the same upload, and their photos by the same table.

alter table public.source_images
    add column kind text not null default 'photo' check (kind in ('photo', 'frame', 'view', 'depth_render')),
    add column details jsonb not null default '{}',
    add column mask_artifact_id uuid references public.artifacts (id) on delete set null;
create index source_images_mask_idx on public.source_images (mask_artifact_id);
comment on column public.source_images.kind is
    'photo: a photo; frame: of a video; view, depth_render: one of six on the known rig.';
comment on column public.source_images.details is
    'Of a frame: video, time_s. Of a view or depth render: side. Of a photo: what the capture doctor measured after matching (features, matched_photos, points).';
comment on column public.source_images.mask_artifact_id is 'Which of its pixels show the subject: grey, 255 is all of it; null: every pixel counts.';

alter table public.projects add column capture jsonb;
comment on column public.projects.capture is
    'The doctor''s verdict on the photos as a set, {status, reasons, …}: after each upload, and again after the cameras were searched.';

alter table public.multiview_generation
    add column mask_artifact_id uuid references public.artifacts (id) on delete set null,
    add column prior_artifact_id uuid references public.artifacts (id) on delete set null;
create index multiview_generation_mask_idx on public.multiview_generation (mask_artifact_id);
create index multiview_generation_prior_idx on public.multiview_generation (prior_artifact_id);
comment on column public.multiview_generation.mask_artifact_id is 'Weights of its pixels in training and in metrics, 255 counts fully; null: all do.';
comment on column public.multiview_generation.prior_artifact_id is 'Depths that training was guided by: a float32 .npy of distances along z, 0 unknown; null: none.';

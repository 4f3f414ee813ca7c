-- How far each pixel of an enhanced view may teach, and all else that is known of its making.

alter table public.enhanced_views
    add column confidence_artifact_id uuid references public.artifacts (id) on delete set null,
    add column details jsonb not null default '{}';
comment on column public.enhanced_views.confidence_artifact_id is
    'Grey picture: 255 where photos confirm the enhanced pixel, 0 where they contradict it.';
comment on column public.enhanced_views.details is
    'Steps run, guidance, negative prompt, device, seconds, licence; under confidence: agreement, trust, mean weight.';
create index enhanced_views_confidence_idx on public.enhanced_views (confidence_artifact_id);

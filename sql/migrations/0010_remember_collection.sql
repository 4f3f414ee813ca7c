-- Workers collect what has had its time once a day, whichever of them comes first.

alter table public.installation add column collected_at timestamptz;
comment on column public.installation.collected_at is
    'When a worker last removed projects and intermediates whose days were over; null: never.';

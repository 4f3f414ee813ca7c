-- Every key that a caller gave, also where an earlier run of identical work answered it.

create table maquette.idempotency_keys (
    scope uuid not null,
    call text not null,
    key text not null check (char_length(key) between 1 and 200),
    project_id uuid not null references public.projects (id) on delete cascade,
    asked jsonb not null,
    made uuid not null,
    created_at timestamptz not null default now(),
    primary key (scope, call, key)
);
comment on table maquette.idempotency_keys is
    'What each Idempotency-Key of the last 24 hours was answered with; an upload''s stands in runs alone.';
comment on column maquette.idempotency_keys.scope is 'What is called: a project, a run, or for a new project its owner.';
comment on column maquette.idempotency_keys.asked is 'The body as it was sent, with its defaults: a repeated call sends the same.';
comment on column maquette.idempotency_keys.made is 'The run, project or share link that answered.';
create index idempotency_keys_project_idx on maquette.idempotency_keys (project_id);
alter table maquette.idempotency_keys enable row level security;
revoke all on maquette.idempotency_keys from public, anon, authenticated, service_role;

comment on column public.runs.idempotency_key is 'The Idempotency-Key of the call that made the run.';

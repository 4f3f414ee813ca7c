-- Others' programs are called when something happened in a project. Each call waits here until it was answered.

create table maquette.webhooks (
    id uuid primary key default gen_random_uuid(),
    owner_id uuid not null references auth.users (id) on delete cascade,
    project_id uuid references public.projects (id) on delete cascade,
    url text not null check (char_length(url) between 8 and 2000),
    description text not null default '' check (char_length(description) <= 200),
    types text[] not null check (cardinality(types) between 1 and 20),
    secret text not null check (secret ~ '^whsec_'),
    previous_secret text,
    previous_secret_until timestamptz,
    created_at timestamptz not null default now(),
    disabled_at timestamptz,
    disabled_because text
);
comment on table maquette.webhooks is
    'Addresses that are called when something happened; outside public, so that no client role can reach the secrets.';
comment on column maquette.webhooks.project_id is 'Null: all projects of the owner.';
comment on column maquette.webhooks.secret is 'Signs the calls. It has to be readable here, for a signature is made of it; the owner reads it once.';
comment on column maquette.webhooks.previous_secret is 'Signs beside the new one until the moment in previous_secret_until, so that a change loses no call.';
create index webhooks_owner_idx on maquette.webhooks (owner_id, created_at desc, id desc);
create index webhooks_project_idx on maquette.webhooks (project_id);
alter table maquette.webhooks enable row level security;
revoke all on maquette.webhooks from public, anon, authenticated, service_role;

create table maquette.webhook_deliveries (
    id uuid primary key default gen_random_uuid(),
    webhook_id uuid not null references maquette.webhooks (id) on delete cascade,
    project_id uuid references public.projects (id) on delete cascade,
    seq bigint,
    type text not null,
    payload jsonb not null,
    -- waiting -> delivered | failed; failed -> waiting when somebody asks for it again
    status text not null default 'waiting' check (status in ('waiting', 'delivered', 'failed')),
    attempts integer not null default 0 check (attempts >= 0),
    next_attempt_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    last_attempt_at timestamptz,
    answered_status integer,
    answered_after_s real,
    error text,
    unique (webhook_id, project_id, seq)
);
comment on table maquette.webhook_deliveries is 'What was or is to be told to a webhook, written in the transaction of what it tells of.';
comment on column maquette.webhook_deliveries.seq is 'Of the event in public.events; null: a test.';
comment on column maquette.webhook_deliveries.next_attempt_at is
    'While a call is under way it lies behind the call''s longest time: whoever takes a delivery moves it, and who dies loses nothing.';
comment on column maquette.webhook_deliveries.answered_status is 'HTTP status of the last answer; null: there was none, and error says why.';
create index webhook_deliveries_due_idx on maquette.webhook_deliveries (next_attempt_at) where status = 'waiting';
create index webhook_deliveries_webhook_idx on maquette.webhook_deliveries (webhook_id, created_at desc, id desc);
create index webhook_deliveries_project_idx on maquette.webhook_deliveries (project_id);
alter table maquette.webhook_deliveries enable row level security;
revoke all on maquette.webhook_deliveries from public, anon, authenticated, service_role;

-- What a service needs to lose nothing: fair turns, retries by cause, runs that go on from earlier ones, workers that
-- say who they are, the end of each run's log, objects that were cleared away.

create table public.installation (
    id uuid primary key default gen_random_uuid(),
    only_one boolean not null default true unique check (only_one)
);
comment on table public.installation is 'One row: which installation this database is. Workers name their folders by it.';
alter table public.installation enable row level security;
insert into public.installation default values;

alter table public.runs
    add column queue text not null default 'cpu' check (queue in ('cpu', 'gpu')),
    add column turn bigint not null default 0 check (turn >= 0),
    add column workload text not null default '',
    add column size real not null default 0 check (size >= 0),
    add column failures jsonb not null default '{}',
    add column not_before timestamptz,
    add column continues_id uuid references public.runs (id) on delete cascade check (continues_id <> id);
create index runs_turn_idx on public.runs (turn, queued_at, id) where status = 'queued';
create index runs_started_turn_idx on public.runs (turn desc) where started_at is not null;
create index runs_history_idx on public.runs (workload, finished_at desc) where status = 'completed';
create index runs_continues_idx on public.runs (continues_id);
create index runs_unended_work_idx on public.runs (project_id, input_hash) where status in ('failed', 'cancelled');
comment on column public.runs.queue is 'Which workers may take it: those with a GPU, or all.';
comment on column public.runs.turn is
    'Fair order between owners: a start tag of start-time fair queueing (Goyal, Vin and Cheng 1996). Lower goes first; an owner''s next run gets one more than the last, and never less than what is being served.';
comment on column public.runs.workload is 'Runs of one workload take about as long for the same size: step and what decides its length, as generate/balanced.';
comment on column public.runs.size is 'How much there was to do: photos of a generate, photos times rounds of a refine, thousands of Gaussians of an export.';
comment on column public.runs.failures is 'How often each cause ended an attempt that was tried again, by error code.';
comment on column public.runs.not_before is 'When the next attempt may start; null: at once.';
comment on column public.runs.continues_id is
    'The first of a row of runs that do one work: this one goes on from what those before it kept. Null: it began by itself.';
comment on column public.runs.attempt is
    'Counts starts. Every write of a worker names the attempt it belongs to, and so does every object, so one thought dead cannot overwrite its successor.';

alter table public.artifacts add column removed_at timestamptz;
create index artifacts_removed_idx on public.artifacts (project_id) where removed_at is not null;
comment on column public.artifacts.removed_at is
    'When retention took the object away; the row stays, so that lineage can still be read. Null: the object is there.';

create table public.run_logs (
    run_id uuid primary key references public.runs (id) on delete cascade,
    attempt integer not null,
    lines text[] not null default '{}',
    updated_at timestamptz not null default now()
);
comment on table public.run_logs is 'The last lines that each run''s process wrote; served by the API to the run''s owner.';
alter table public.run_logs enable row level security;

create table public.workers (
    id uuid primary key,
    host text not null,
    process_id integer not null,
    queues text[] not null,
    concurrency integer not null check (concurrency > 0),
    code_version text not null,
    gpu_name text,
    gpu_memory_bytes bigint,
    memory_bytes bigint,
    started_at timestamptz not null default now(),
    heartbeat_at timestamptz not null default now()
);
comment on table public.workers is 'Worker processes that live, or lived lately: heartbeat_at tells. Each writes its own row.';
alter table public.workers enable row level security;
revoke all on public.installation, public.run_logs, public.workers from anon, authenticated;
grant select, insert, update, delete on public.installation, public.run_logs, public.workers to service_role;

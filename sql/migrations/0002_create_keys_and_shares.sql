-- Keys for programs, and links that let anybody look at one model.

create table maquette.api_keys (
    id uuid primary key default gen_random_uuid(),
    owner_id uuid not null references auth.users (id) on delete cascade,
    name text not null check (char_length(name) between 1 and 200),
    key_sha256 text not null unique check (key_sha256 ~ '^[0-9a-f]{64}$'),
    key_prefix text not null check (char_length(key_prefix) <= 12),
    created_at timestamptz not null default now(),
    last_used_at timestamptz,
    expires_at timestamptz,
    revoked_at timestamptz
);
comment on table maquette.api_keys is
    'Keys that programs call with, each acting for one user; outside public, so that no client role can reach it.';
comment on column maquette.api_keys.key_sha256 is 'The key itself is shown once, when it is made, and kept nowhere.';
comment on column maquette.api_keys.key_prefix is 'The beginning of the key, for people to tell keys apart.';
comment on column maquette.api_keys.last_used_at is 'Written at most once a minute.';
comment on column maquette.api_keys.expires_at is 'Null: it does not expire.';
create index api_keys_owner_idx on maquette.api_keys (owner_id);
alter table maquette.api_keys enable row level security;
revoke all on maquette.api_keys from public, anon, authenticated, service_role;

create table public.share_links (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references public.projects (id) on delete cascade,
    share_key text not null unique check (share_key ~ '^[A-Za-z0-9_-]{43}$'),
    title text not null check (char_length(title) between 1 and 200),
    version integer,
    allow_download boolean not null default false,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_viewed_at timestamptz,
    foreign key (project_id, version) references public.gaussian_splat_models (project_id, version) on delete cascade
);
comment on table public.share_links is 'Links that let anybody who has one look at one model of a project.';
comment on column public.share_links.share_key is
    '32 random bytes, base64url: too many to guess. Kept readable for its owner, who may want to copy the link again.';
comment on column public.share_links.version is 'Null: the version that is promoted when somebody looks.';
comment on column public.share_links.allow_download is 'Whether files to take away are offered beside the model to look at.';
comment on column public.share_links.last_viewed_at is 'Written at most once a minute.';
create index share_links_project_idx on public.share_links (project_id, created_at desc, id desc);
create index share_links_version_idx on public.share_links (project_id, version);

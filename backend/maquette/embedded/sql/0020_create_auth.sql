create schema if not exists auth authorization supabase_admin;
grant usage on schema auth to postgres, anon, authenticated, service_role, supabase_storage_admin;

create table if not exists auth.users (
    id uuid primary key default gen_random_uuid(),
    aud text default 'authenticated',
    role text default 'authenticated',
    email text unique,
    raw_app_meta_data jsonb,
    raw_user_meta_data jsonb,
    is_anonymous boolean not null default false,
    last_sign_in_at timestamptz,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);
comment on table auth.users is 'Whoever can own a project. The embedded stack has one local owner.';
alter table auth.users enable row level security;
revoke all on auth.users from anon, authenticated;
grant select, insert, update, delete, references on auth.users to postgres;
grant select on auth.users to service_role;

create or replace function auth.jwt() returns jsonb
language sql stable set search_path = ''
as $$
    select nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb
$$;

create or replace function auth.uid() returns uuid
language sql stable set search_path = ''
as $$
    select (nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid
$$;

create or replace function auth.role() returns text
language sql stable set search_path = ''
as $$
    select nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
$$;

grant execute on function auth.jwt(), auth.uid(), auth.role() to postgres, anon, authenticated, service_role;

insert into auth.users (id, email, raw_user_meta_data)
values ('00000000-0000-4000-8000-000000000001', 'owner@localhost', '{"name": "Local owner"}')
on conflict (id) do nothing;

-- The roles of a hosted Supabase project. supabase_admin, the only superuser, made the cluster; people and services
-- use postgres, which may not do everything, so that what works here works there.
do $$
declare
    role_name text;
begin
    foreach role_name in array array[
        'postgres', 'anon', 'authenticated', 'service_role', 'authenticator', 'supabase_storage_admin'
    ] loop
        if not exists (select 1 from pg_catalog.pg_roles where rolname = role_name) then
            execute format('create role %I', role_name);
        end if;
    end loop;
end
$$;

alter role postgres nosuperuser createdb createrole noreplication bypassrls login;
alter role anon nologin nobypassrls;
alter role authenticated nologin nobypassrls;
alter role service_role nologin bypassrls;
-- Without a password nobody can sign in as it; here it only holds its place.
alter role authenticator login noinherit nobypassrls;
alter role supabase_storage_admin nologin nobypassrls;

grant anon, authenticated, service_role to postgres, authenticator;
grant anon, authenticated, service_role to supabase_storage_admin;
-- Hosted Supabase lets postgres write policies and triggers on storage.objects by a server extension; here it is a
-- member of the owner.
grant supabase_storage_admin to postgres;
grant pg_monitor, pg_signal_backend to postgres;

do $$
begin
    execute format('alter database %I owner to postgres', current_database());
end
$$;
grant usage on schema public to anon, authenticated, service_role;

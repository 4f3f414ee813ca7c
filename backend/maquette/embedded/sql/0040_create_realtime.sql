create schema if not exists realtime authorization supabase_admin;
grant usage on schema realtime to postgres, anon, authenticated, service_role;

-- The list of tables that clients may follow. Owned by postgres, which adds tables to it, as hosted.
do $$
begin
    if not exists (select 1 from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
        set local client_min_messages = error; -- "wal_level is insufficient": the embedded service uses NOTIFY
        create publication supabase_realtime;
    end if;
end
$$;
alter publication supabase_realtime owner to postgres;

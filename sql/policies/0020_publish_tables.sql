-- The tables whose changes a browser may follow through Realtime; row security still decides which rows.
do $$
declare
    followed text;
begin
    if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
        create publication supabase_realtime;
    end if;
    foreach followed in array array['projects', 'runs', 'gaussian_splat_models', 'refinement_metrics', 'events'] loop
        if not exists (
            select 1 from pg_catalog.pg_publication_tables
            where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = followed
        ) then
            execute format('alter publication supabase_realtime add table public.%I', followed);
        end if;
    end loop;
exception when insufficient_privilege then
    raise insufficient_privilege using
        message = format('%s may not change the publication supabase_realtime', current_user),
        hint = format(
            'As its owner or as supabase_admin: alter publication supabase_realtime owner to %I; then try again.',
            current_user);
end
$$;

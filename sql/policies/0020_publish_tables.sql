-- The tables whose changes a browser may follow through Realtime; row security still decides which rows.
do $$
declare
    followed text;
begin
    foreach followed in array array['projects', 'runs', 'gaussian_splat_models', 'refinement_metrics', 'events'] loop
        if not exists (
            select 1 from pg_catalog.pg_publication_tables
            where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = followed
        ) then
            execute format('alter publication supabase_realtime add table public.%I', followed);
        end if;
    end loop;
end
$$;

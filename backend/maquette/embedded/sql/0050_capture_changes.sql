-- Change capture for the embedded Realtime service. Hosted Supabase reads the write-ahead log; here a trigger on every
-- table in publication supabase_realtime notifies keys, and the service reads the rows again under each subscriber's
-- role. Several equal notifications of one transaction are one, as Postgres does with NOTIFY.

-- Channel realtime_changes, payload {"schema", "table", "type", "key": [values], "old_key": [values] or null}.
-- A key too long for NOTIFY (8,000 bytes) is sent as null: the service then tells the table's subscribers to read anew.
create or replace function realtime.tell_change() returns trigger
language plpgsql security invoker set search_path = ''
as $$
declare
    key_after jsonb;
    key_before jsonb;
    told text;
begin
    if tg_op <> 'DELETE' then
        key_after := realtime.pick(pg_catalog.to_jsonb(new), tg_argv);
    end if;
    if tg_op <> 'INSERT' then
        key_before := realtime.pick(pg_catalog.to_jsonb(old), tg_argv);
    end if;
    told := pg_catalog.json_build_object(
        'schema', tg_table_schema, 'table', tg_table_name, 'type', tg_op,
        'key', coalesce(key_after, key_before),
        'old_key', case when tg_op = 'UPDATE' and key_before <> key_after then key_before end
    )::text;
    if pg_catalog.octet_length(told) >= 8000 then
        told := pg_catalog.json_build_object(
            'schema', tg_table_schema, 'table', tg_table_name, 'type', tg_op, 'key', null, 'old_key', null
        )::text;
    end if;
    perform pg_catalog.pg_notify('realtime_changes', told);
    return null;
end
$$;

-- The values of some columns, in the order of their names.
create or replace function realtime.pick(changed jsonb, column_names text[]) returns jsonb
language sql immutable set search_path = ''
as $$
    select pg_catalog.jsonb_agg(changed -> c.name order by c.place)
    from pg_catalog.unnest(column_names) with ordinality as c (name, place)
$$;

-- Gives each published table with a primary key the trigger, with its key's columns as arguments, and takes it from
-- those that are no longer published.
create or replace function realtime.attach_triggers() returns void
language plpgsql security definer set search_path = ''
as $$
declare
    tbl record;
begin
    for tbl in
        with published as (
            select c.oid,
                string_agg(pg_catalog.quote_literal(a.attname), ', ' order by k.place) as arguments,
                string_agg(pg_catalog.convert_to(a.attname, 'UTF8') || '\x00'::bytea, ''::bytea order by k.place) as stored
            from pg_catalog.pg_publication_tables p
            join pg_catalog.pg_namespace n on n.nspname = p.schemaname
            join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = p.tablename and c.relkind = 'r'
            join pg_catalog.pg_index i on i.indrelid = c.oid and i.indisprimary
            cross join lateral pg_catalog.unnest(i.indkey::smallint[]) with ordinality as k (attnum, place)
            join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
            where p.pubname = 'supabase_realtime'
            group by c.oid
        ), captured as (
            select tgrelid as oid, tgargs as stored from pg_catalog.pg_trigger
            where tgname = 'realtime_tell_change' and not tgisinternal
        )
        select coalesce(p.oid, t.oid)::regclass as name, p.arguments, t.oid is not null as has_trigger
        from published p full join captured t on t.oid = p.oid
        where p.stored is distinct from t.stored
    loop
        if tbl.has_trigger then
            execute pg_catalog.format('drop trigger realtime_tell_change on %s', tbl.name);
        end if;
        if tbl.arguments is not null then
            execute pg_catalog.format(
                'create trigger realtime_tell_change after insert or update or delete on %s'
                ' for each row execute function realtime.tell_change(%s)', tbl.name, tbl.arguments
            );
        end if;
    end loop;
end
$$;

create or replace function realtime.follow_publication() returns event_trigger
language plpgsql security definer set search_path = ''
as $$
begin
    perform realtime.attach_triggers();
    -- The service keeps what it knows of tables and privileges until this.
    perform pg_catalog.pg_notify('realtime_changes', '{"type": "SCHEMA"}');
end
$$;

drop event trigger if exists realtime_follow_publication;
create event trigger realtime_follow_publication on ddl_command_end
when tag in (
    'CREATE PUBLICATION', 'ALTER PUBLICATION', 'DROP PUBLICATION', 'CREATE TABLE', 'ALTER TABLE', 'DROP TABLE',
    'GRANT', 'REVOKE'
)
execute function realtime.follow_publication();

-- A database that was migrated by an earlier version has its publication already.
select realtime.attach_triggers();

-- Reads rows of one table as several callers, each under its own role and claims, so that row security decides.
-- keys: arrays in the order of key_columns; askers: [{"role", "claims", "columns": [names], "keys": [key, …]}].
-- A caller whose policies or privileges raise gets one row with the failure, and nobody else is troubled by it.
create or replace function realtime.read_rows(entity regclass, key_columns text[], askers jsonb)
returns table (asker integer, key jsonb, record text, failure text)
language plpgsql volatile security invoker set search_path = ''
as $$
declare
    ask record;
    wanted text := (select string_agg(pg_catalog.format('t.%I', c), ', ') from pg_catalog.unnest(key_columns) c);
    types text[] := (
        select array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) order by place)
        from pg_catalog.unnest(key_columns) with ordinality as c (name, place)
        join pg_catalog.pg_attribute a on a.attrelid = entity and a.attname = c.name
    );
    told text := (select string_agg(pg_catalog.format('r.%I', c), ', ') from pg_catalog.unnest(key_columns) c);
begin
    for ask in
        select (place - 1)::integer as place, v ->> 'role' as role, (v -> 'claims')::text as claims,
            (
                select string_agg(pg_catalog.format('(%s)', (
                    select string_agg(pg_catalog.format('%L::%s', value, types[place]), ', ' order by place)
                    from pg_catalog.jsonb_array_elements_text(k) with ordinality as part (value, place)
                )), ', ')
                from pg_catalog.jsonb_array_elements(v -> 'keys') k
            ) as keys,
            (
                select string_agg(pg_catalog.format('t.%I', c), ', ')
                from pg_catalog.jsonb_array_elements_text(v -> 'columns') c
            ) as columns
        from pg_catalog.jsonb_array_elements(askers) with ordinality as a (v, place)
    loop
        begin
            perform pg_catalog.set_config('role', ask.role, true),
                pg_catalog.set_config('request.jwt.claims', ask.claims, true);
            return query execute pg_catalog.format(
                'select %s, pg_catalog.jsonb_build_array(%s), pg_catalog.to_jsonb(r)::text, null::text'
                -- As a list, so that Postgres knows how few they are and begins with them, not with the policy.
                ' from (select %s from %s t where (%s) in (values %s)) r',
                ask.place, told, ask.columns, entity, wanted, ask.keys
            );
        exception when others then
            asker := ask.place;
            key := null;
            record := null;
            failure := sqlstate;
            return next;
        end;
        perform pg_catalog.set_config('role', 'none', true);
    end loop;
end
$$;

-- A filter's value as JSON, written as a row of that type would have it; raises where it is no such value.
create or replace function realtime.read_value(value text, of_type regtype) returns jsonb
language plpgsql stable security invoker set search_path = ''
as $$
declare
    read jsonb;
begin
    execute pg_catalog.format('select pg_catalog.to_jsonb(%L::%s)', value, of_type) into read;
    return read;
end
$$;

revoke execute on function realtime.attach_triggers(), realtime.read_rows(regclass, text[], jsonb),
realtime.read_value(text, regtype) from public;
grant execute on function realtime.read_rows(regclass, text[], jsonb), realtime.read_value(text, regtype) to postgres;

-- How often somebody called lately, so that limits hold however many API servers there are.

create table maquette.call_rates (
    key text primary key check (char_length(key) between 1 and 200),
    calls timestamptz[] not null,
    last_call timestamptz not null
);
comment on table maquette.call_rates is 'When an owner or an address last made calls of a limited kind; kept for a day.';
comment on column maquette.call_rates.key is 'Kind of call, and owner or address.';
comment on column maquette.call_rates.calls is 'Oldest first, as many as the limit allows.';
create index call_rates_last_call_idx on maquette.call_rates (last_call);
alter table maquette.call_rates enable row level security;
revoke all on maquette.call_rates from public, anon, authenticated, service_role;

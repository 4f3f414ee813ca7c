-- A project may come from another installation as one file; its rows come with it, its events do not.

comment on column public.events.type is
    'progress, complete, error: a run; model, promote, iteration, export: what a run made; replace: a photo that took another''s place; rename: the project; imported: the project came in as a bundle, with all that is older than this.';

-- Depth maps come from a network where one is installed, fitted to the sparse points that each view shows.

alter table public.depth_maps
    add column confidence double precision check (confidence between 0 and 1),
    add column scale double precision,
    add column shift double precision,
    add column residual double precision check (residual >= 0),
    add column inlier_share double precision check (inlier_share between 0 and 1),
    add column points integer check (points >= 0);
comment on table public.depth_maps is
    'One depth map a view. method: the network''s name; rendered_median: from the model itself, where no network is installed, or where details.passed_over says why it was not believed.';
comment on column public.depth_maps.confidence is
    'How far the depths can be trusted, mean over the pixels that have one: 1 agrees with the sparse points all over; null: rendered from the model.';
comment on column public.depth_maps.scale is
    '1/z = scale x + shift, per world unit, for the network''s relative inverse depth x; null: rendered from the model.';
comment on column public.depth_maps.shift is 'See scale.';
comment on column public.depth_maps.residual is 'Median relative error of inverse depth at the sparse points.';
comment on column public.depth_maps.inlier_share is 'Share of the sparse points that agree within 15 %.';
comment on column public.depth_maps.points is 'Sparse points of the view that the network was fitted to.';
